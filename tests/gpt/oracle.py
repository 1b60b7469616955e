"""The forward pass of the micro GPT in plain numpy, written from microgpt.py, one sequence at a time."""

import numpy as np


def rmsnorm(x):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention(q, k, v, heads):
    time, cols = q.shape
    out = np.zeros_like(q)
    for band in np.split(np.arange(cols), heads):
        for t in range(time):
            scores = k[: t + 1, band] @ q[t, band] / np.sqrt(len(band))
            out[t, band] = softmax(scores) @ v[: t + 1, band]
    return out


def logits(parameters, config, ids):
    w = parameters
    x = rmsnorm(w["wte"][ids] + w["wpe"][: len(ids)])
    for i in range(config.n_layer):
        normed = rmsnorm(x)
        q, k, v = (normed @ w[f"layer{i}.attn_{name}"].T for name in ("wq", "wk", "wv"))
        x = x + attention(q, k, v, config.n_head) @ w[f"layer{i}.attn_wo"].T
        hidden = np.maximum(rmsnorm(x) @ w[f"layer{i}.mlp_fc1"].T, 0)
        x = x + hidden @ w[f"layer{i}.mlp_fc2"].T
    return x @ w["lm_head"].T


def loss(parameters, config, ids, targets):
    rows = []
    for sequence, after in zip(ids, targets, strict=True):
        p = softmax(logits(parameters, config, sequence))
        rows.append(-np.log(p[np.arange(len(after)), after]))
    return float(np.mean(rows))
