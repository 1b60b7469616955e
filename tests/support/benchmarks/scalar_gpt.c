/* microgpt.py in plain C, number by number as the original: a tape of scalars in one arena, the backward pass along it.
 *
 * What a straight port to a compiled language gives, to be timed beside the micro GPT, which records matrices: here each
 * product and each sum is a node, with at most two parents and the two local derivatives.
 *
 *     scalar_gpt INPUT OUTPUT
 * INPUT, little-endian: int64 n_vocab, n_layer, n_head, n_embd, block_size, steps, n_documents; float64 weights in the
 * order of microgpt.py; then for each document int64 length and its ids as int64. OUTPUT: float64 losses, then the
 * seconds that the steps took.
 */
#define _POSIX_C_SOURCE 199309L
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int32_t node; /* where a number lies on the tape */

static double *value, *grad, *slope_a, *slope_b;
static node *parent_a, *parent_b;
static node used, room;

static node put(double v, node a, double da, node b, double db) {
    if (used == room) {
        fprintf(stderr, "the tape is full\n");
        exit(1);
    }
    value[used] = v;
    grad[used] = 0;
    parent_a[used] = a;
    slope_a[used] = da;
    parent_b[used] = b;
    slope_b[used] = db;
    return used++;
}

static node constant(double v) { return put(v, 0, 0, 0, 0); }
static node add(node a, node b) { return put(value[a] + value[b], a, 1, b, 1); }
static node mul(node a, node b) { return put(value[a] * value[b], a, value[b], b, value[a]); }
static node power(node a, double p) { return put(pow(value[a], p), a, p * pow(value[a], p - 1), 0, 0); }
static node exponential(node a) {
    double v = exp(value[a]);
    return put(v, a, v, 0, 0);
}
static node logarithm(node a) { return put(log(value[a]), a, 1 / value[a], 0, 0); }
static node relu(node a) { return put(value[a] > 0 ? value[a] : 0, a, value[a] > 0, 0, 0); }

enum { WIDEST = 4096 };

static node dot(const node *a, const node *b, int n, int stride) {
    node sum = mul(a[0], b[0]);
    for (int i = 1; i < n; i++) sum = add(sum, mul(a[i * stride], b[i]));
    return sum;
}

/* out = W x; the rows of W lie one after another from `w` on. */
static void linear(node *out, node w, const node *x, int n_out, int n_in) {
    for (int i = 0; i < n_out; i++) {
        node sum = mul(w + i * n_in, x[0]);
        for (int j = 1; j < n_in; j++) sum = add(sum, mul(w + i * n_in + j, x[j]));
        out[i] = sum;
    }
}

static void rmsnorm(node *out, const node *x, int n) {
    node mean = mul(dot(x, x, n, 1), constant(1.0 / n));
    node scale = power(add(mean, constant(1e-5)), -0.5);
    for (int i = 0; i < n; i++) out[i] = mul(x[i], scale);
}

static void softmax(node *out, const node *x, int n) {
    double most = value[x[0]];
    for (int i = 1; i < n; i++) most = value[x[i]] > most ? value[x[i]] : most;
    node less = constant(-most), sum = 0;
    for (int i = 0; i < n; i++) {
        out[i] = exponential(add(x[i], less));
        sum = i ? add(sum, out[i]) : out[i];
    }
    node share = power(sum, -1);
    for (int i = 0; i < n; i++) out[i] = mul(out[i], share);
}

static int64_t n_vocab, n_layer, n_head, n_embd, block_size, steps, n_documents;

/* The logits after the token at `place`; keys and values of the places before it are kept in [layer][place][n_embd]. */
static void forward(node *logits, int64_t token, int64_t place, node *keys, node *values) {
    static node x[WIDEST], normed[WIDEST], q[WIDEST], mixed[WIDEST], hidden[WIDEST], shares[WIDEST];
    const int n = (int)n_embd, width = (int)(n_embd / n_head);
    const node wte = 0, wpe = (node)(n_vocab * n), head = wpe + (node)(block_size * n);
    node w = head + (node)(n_vocab * n);
    for (int i = 0; i < n; i++) normed[i] = add(wte + (node)token * n + i, wpe + (node)place * n + i);
    rmsnorm(x, normed, n);
    for (int64_t layer = 0; layer < n_layer; layer++, w += 12 * n * n) {
        node *k = keys + layer * block_size * n, *v = values + layer * block_size * n;
        rmsnorm(normed, x, n);
        linear(q, w, normed, n, n);
        linear(k + place * n, w + n * n, normed, n, n);
        linear(v + place * n, w + 2 * n * n, normed, n, n);
        for (int h = 0; h < n_head; h++) {
            node root = constant(1 / sqrt(width));
            for (int t = 0; t <= place; t++) shares[t] = mul(dot(q + h * width, k + t * n + h * width, width, 1), root);
            softmax(shares, shares, (int)place + 1);
            for (int i = 0; i < width; i++) mixed[h * width + i] = dot(v + h * width + i, shares, (int)place + 1, n);
        }
        linear(hidden, w + 3 * n * n, mixed, n, n);
        for (int i = 0; i < n; i++) x[i] = add(x[i], hidden[i]);
        rmsnorm(normed, x, n);
        linear(hidden, w + 4 * n * n, normed, 4 * n, n);
        for (int i = 0; i < 4 * n; i++) hidden[i] = relu(hidden[i]);
        linear(normed, w + 8 * n * n, hidden, n, 4 * n);
        for (int i = 0; i < n; i++) x[i] = add(x[i], normed[i]);
    }
    linear(logits, head, x, (int)n_vocab, n);
}

static node loss_of(const int64_t *ids, int64_t n, node *keys, node *values) {
    static node logits[WIDEST];
    node sum = 0;
    for (int64_t i = 0; i < n; i++) {
        forward(logits, ids[i], i, keys, values);
        softmax(logits, logits, (int)n_vocab);
        node loss = mul(logarithm(logits[ids[i + 1]]), constant(-1));
        sum = i ? add(sum, loss) : loss;
    }
    return mul(sum, constant(1.0 / n));
}

static void backward(node loss) {
    grad[loss] = 1;
    for (node i = loss; i >= 0; i--) {
        grad[parent_a[i]] += slope_a[i] * grad[i];
        grad[parent_b[i]] += slope_b[i] * grad[i];
    }
}

static void *take(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) exit(1);
    return memory;
}

static void read_into(void *to, size_t size, size_t count, FILE *file) {
    if (fread(to, size, count, file) != count) {
        fprintf(stderr, "the input is too short\n");
        exit(1);
    }
}

int main(int argc, char **argv) {
    FILE *input = argc == 3 ? fopen(argv[1], "rb") : NULL, *output;
    if (!input) {
        fprintf(stderr, "usage: scalar_gpt INPUT OUTPUT\n");
        return 2;
    }
    int64_t *sizes[] = {&n_vocab, &n_layer, &n_head, &n_embd, &block_size, &steps, &n_documents};
    for (int i = 0; i < 7; i++) read_into(sizes[i], 8, 1, input);
    if (n_vocab > WIDEST || 4 * n_embd > WIDEST || block_size > WIDEST) return 1;
    node n_params = (node)((2 * n_vocab + block_size) * n_embd + n_layer * 12 * n_embd * n_embd);
    int64_t per_layer = 26 * n_embd * n_embd + 8 * block_size * n_embd; /* more than its products, sums and the rest */
    room = n_params + (node)(block_size * (n_layer * per_layer + 4 * n_vocab * n_embd) + 65536);
    value = take(room, sizeof *value), grad = take(room, sizeof *grad);
    slope_a = take(room, sizeof *slope_a), slope_b = take(room, sizeof *slope_b);
    parent_a = take(room, sizeof *parent_a), parent_b = take(room, sizeof *parent_b);
    double *m = take(n_params, sizeof *m), *v = take(n_params, sizeof *v), *losses = take(steps, sizeof *losses);
    size_t cached = (size_t)(n_layer * block_size * n_embd);
    node *keys = take(cached, sizeof *keys), *values = take(cached, sizeof *values);
    int64_t **documents = take(n_documents, sizeof *documents), *lengths = take(n_documents, sizeof *lengths);
    read_into(value, 8, n_params, input);
    for (int64_t i = 0; i < n_documents; i++) {
        read_into(&lengths[i], 8, 1, input);
        documents[i] = take(lengths[i], sizeof **documents);
        read_into(documents[i], 8, lengths[i], input);
    }
    fclose(input);

    struct timespec began, ended;
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (int64_t step = 0; step < steps; step++) {
        int64_t which = step % n_documents, n = lengths[which] - 1 < block_size ? lengths[which] - 1 : block_size;
        used = n_params;
        memset(grad, 0, n_params * sizeof *grad);
        node loss = loss_of(documents[which], n, keys, values);
        losses[step] = value[loss];
        backward(loss);
        double rate = 0.01 * (1 - (double)step / steps);
        double unbias1 = 1 - pow(0.85, step + 1), unbias2 = 1 - pow(0.99, step + 1);
        for (node i = 0; i < n_params; i++) {
            m[i] = 0.85 * m[i] + (1 - 0.85) * grad[i];
            v[i] = 0.99 * v[i] + (1 - 0.99) * grad[i] * grad[i];
            value[i] -= rate * (m[i] / unbias1) / (sqrt(v[i] / unbias2) + 1e-8);
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    double seconds = (double)(ended.tv_sec - began.tv_sec) + 1e-9 * (double)(ended.tv_nsec - began.tv_nsec);
    output = fopen(argv[2], "wb");
    if (!output || fwrite(losses, 8, steps, output) != (size_t)steps || fwrite(&seconds, 8, 1, output) != 1) return 1;
    return fclose(output) != 0;
}
