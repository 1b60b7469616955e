"""microgpt's algorithm in plain Python: scalars with gradients, lists of them, `random` and `math`, and nothing else.

A number remembers what it was computed from and the local derivatives; the gradient is pushed back along that graph.
It is slow and short, and shares no line and no idea of layout with the compiled engine, which is held against it.
"""

from __future__ import annotations

import math
import random


class Number:
    """A scalar, the numbers it came from, and d itself / d each of them."""

    def __init__(self, value, sources=(), slopes=()):
        self.value, self.sources, self.slopes, self.grad = value, sources, slopes, 0.0

    def __add__(self, other):
        other = as_number(other)
        return Number(self.value + other.value, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = as_number(other)
        return Number(self.value * other.value, (self, other), (other.value, self.value))

    def power(self, exponent):
        return Number(self.value**exponent, (self,), (exponent * self.value ** (exponent - 1),))

    def exp(self):
        value = math.exp(self.value)
        return Number(value, (self,), (value,))

    def log(self):
        return Number(math.log(self.value), (self,), (1 / self.value,))

    def relu(self):
        return Number(max(0.0, self.value), (self,), (float(self.value > 0),))


def as_number(value):
    return value if isinstance(value, Number) else Number(value)


def push_back(loss):
    """Give every number that `loss` came from its gradient."""
    order, seen, stack = [], set(), [(loss, False)]
    while stack:
        number, done = stack.pop()
        if done:
            order.append(number)
        elif id(number) not in seen:
            seen.add(id(number))
            stack.append((number, True))
            stack.extend((source, False) for source in number.sources)
    loss.grad = 1.0
    for number in reversed(order):
        for source, slope in zip(number.sources, number.slopes, strict=True):
            source.grad += slope * number.grad


def total(numbers):
    result = numbers[0]
    for number in numbers[1:]:
        result = result + number
    return result


def dot(a, b):
    return total([x * y for x, y in zip(a, b, strict=True)])


def times_matrix(x, matrix):
    return [dot(row, x) for row in matrix]


def normalised(x):
    scale = (dot(x, x) * (1 / len(x)) + 1e-5).power(-0.5)
    return [number * scale for number in x]


def softmax(numbers):
    largest = max(number.value for number in numbers)
    powers = [(number + -largest).exp() for number in numbers]
    share = total(powers).power(-1)
    return [power * share for power in powers]


class Model:
    def __init__(self, n_vocab, n_layer, n_head, n_embd, block_size):
        def matrix(rows, columns):
            return [[Number(random.gauss(0, 0.08)) for _ in range(columns)] for _ in range(rows)]

        self.n_head, self.block_size = n_head, block_size
        self.tokens, self.places = matrix(n_vocab, n_embd), matrix(block_size, n_embd)
        self.head = matrix(n_vocab, n_embd)
        wide = 4 * n_embd
        sizes = [(n_embd, n_embd)] * 4 + [(wide, n_embd), (n_embd, wide)]
        self.layers = [[matrix(*size) for size in sizes] for _ in range(n_layer)]
        matrices = [self.tokens, self.places, self.head, *(each for layer in self.layers for each in layer)]
        self.parameters = [number for each in matrices for row in each for number in row]

    def logits(self, token, place, cache):
        """What follows `token`; cache: for each layer the keys and the values so far."""
        x = normalised([a + b for a, b in zip(self.tokens[token], self.places[place], strict=True)])
        for (wq, wk, wv, wo, up, down), (keys, values) in zip(self.layers, cache, strict=True):
            before = normalised(x)
            query = times_matrix(before, wq)
            keys.append(times_matrix(before, wk))
            values.append(times_matrix(before, wv))
            width, mixed = len(x) // self.n_head, []
            for start in range(0, len(x), width):
                band = slice(start, start + width)
                shares = softmax([dot(query[band], key[band]) * width**-0.5 for key in keys])
                mixed += [dot(shares, column) for column in zip(*(value[band] for value in values), strict=True)]
            x = [a + b for a, b in zip(x, times_matrix(mixed, wo), strict=True)]
            hidden = [number.relu() for number in times_matrix(normalised(x), up)]
            x = [a + b for a, b in zip(x, times_matrix(hidden, down), strict=True)]
        return times_matrix(x, self.head)

    def new_cache(self):
        return [([], []) for _ in self.layers]


def run(documents, steps, seed, samples, **sizes):
    """The losses of a run and some samples, as `names.reproduce` gives them."""
    random.seed(seed)
    documents = list(documents)
    random.shuffle(documents)
    letters = sorted(set("".join(documents)))
    edge = len(letters)
    model = Model(edge + 1, **sizes)
    moments = [[0.0, 0.0] for _ in model.parameters]
    losses = []
    for step in range(steps):
        ids = [edge, *map(letters.index, documents[step % len(documents)]), edge]
        n, cache = min(model.block_size, len(ids) - 1), model.new_cache()
        chances = [softmax(model.logits(ids[i], i, cache))[ids[i + 1]] for i in range(n)]
        loss = total([chance.log() * -1 for chance in chances]) * (1 / n)
        push_back(loss)
        losses.append(loss.value)
        learn(model.parameters, moments, 0.01 * (1 - step / steps), step + 1)
    return losses, [generate_text(model, letters) for _ in range(samples)]


def learn(parameters, moments, rate, step):
    """Adam with microgpt's settings."""
    for parameter, moment in zip(parameters, moments, strict=True):
        moment[0] = 0.85 * moment[0] + (1 - 0.85) * parameter.grad
        moment[1] = 0.99 * moment[1] + (1 - 0.99) * parameter.grad**2
        mean, square = moment[0] / (1 - 0.85**step), moment[1] / (1 - 0.99**step)
        parameter.value -= rate * mean / (square**0.5 + 1e-8)
        parameter.grad = 0.0


def generate_text(model, letters):
    token, text, cache = len(letters), "", model.new_cache()
    for place in range(model.block_size):
        logits = model.logits(token, place, cache)
        weights = [chance.value for chance in softmax([number * (1 / 0.5) for number in logits])]
        token = random.choices(range(len(letters) + 1), weights=weights)[0]
        if token == len(letters):
            break
        text += letters[token]
    return text
