"""Contraction tables of any even level, derived here.

A basis function of an MTP is a full contraction of moment tensors ``M_{mu,nu}``, which is a
multigraph: a vertex ``(mu, nu)`` for each tensor, an edge for each pair of indices summed over, as
many edges at a vertex as its ``nu``. Its level is the sum of ``2 + 4 mu + nu``, and the basis of a
level holds every multigraph up to that level. MLIP-2's templates stop at four vertices, ``mu`` 5
and ``nu`` 10, and so does this (the numbers of scalars published for levels 2 to 28 follow).

How a graph is evaluated is free. Each is cut in the way that adds the fewest products to those that
earlier graphs left. Whether two intermediates are the same polynomial of the basic moments is
decided by their values at one random point of a large prime field.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from itertools import combinations, combinations_with_replacement, pairwise, permutations
from math import factorial, gcd, prod
from typing import NamedTuple, TypeAlias

import numpy as np

from seicampaign.errors import PotentialError
from seicampaign.mtp.model import MTP, IntArray

MAX_LEVEL, MAX_VERTICES, MAX_MU, MAX_NU = 28, 4, 5, 10
_PRIME = 2**61 - 1

Multi: TypeAlias = tuple[int, int, int]
"""Exponents of x, y, z: a component of a symmetric tensor."""

Weighted: TypeAlias = tuple[int, int]
"""A moment and the whole number it has to be multiplied by."""


class Tables(NamedTuple):
    """What `MTP` calls radial_funcs_count, alpha_index_basic, ..._times and ..._moment_mapping."""

    radial_funcs_count: int
    basic: IntArray
    times: IntArray
    scalars: IntArray


class Graph(NamedTuple):
    """A multigraph: ``mu`` of each vertex, and the number of edges of each pair ``i < j``."""

    mu: tuple[int, ...]
    edges: tuple[int, ...]

    @property
    def matrix(self) -> list[list[int]]:
        size = len(self.mu)
        matrix = [[0] * size for _ in range(size)]
        for (i, j), count in zip(combinations(range(size), 2), self.edges, strict=True):
            matrix[i][j] = matrix[j][i] = count
        return matrix

    @property
    def nu(self) -> tuple[int, ...]:
        return tuple(sum(row) for row in self.matrix)

    @property
    def level(self) -> int:
        return sum(2 + 4 * mu for mu in self.mu) + 2 * sum(self.edges)

    def components(self) -> list[list[int]]:
        """Vertices of each connected part."""
        matrix, left, parts = self.matrix, set(range(len(self.mu))), []
        while left:
            part = [left.pop()]
            for i in part:
                reached = {j for j in left if matrix[i][j]}
                left -= reached
                part.extend(reached)
            parts.append(sorted(part))
        return parts

    def part(self, vertices: list[int]) -> Graph:
        """The graph of some of the vertices, in canonical form."""
        matrix = self.matrix
        pairs = combinations(vertices, 2)
        return _canonical(
            tuple(self.mu[i] for i in vertices), tuple(matrix[i][j] for i, j in pairs)
        )


def untrained(
    level: int,
    species_count: int,
    *,
    min_dist: float,
    max_dist: float,
    radial_basis_size: int = 8,
) -> MTP:
    """Make a potential without coefficients.

    Parameters
    ----------
    level
        Even, 2 to 28.
    species_count
        Number of species.
    min_dist, max_dist
        Shortest distance the radial functions are made for, and the cutoff, in Angstrom.
    radial_basis_size
        Number of Chebyshev polynomials of each radial function.

    Raises
    ------
    PotentialError
        If the level is odd or out of range, or a number makes no sense.
    """
    if level % 2 or not 2 <= level <= MAX_LEVEL:
        raise PotentialError(f"level must be an even number of 2 to {MAX_LEVEL}, not {level}")
    tables = contraction_tables(level)
    moments = max(len(tables.basic), int(tables.times[:, 3].max(initial=-1)) + 1)
    return MTP(
        scaling=1.0,
        species_count=species_count,
        potential_name=f"MTP{level:02d}",
        min_dist=float(min_dist),
        max_dist=float(max_dist),
        radial_basis_size=radial_basis_size,
        radial_funcs_count=tables.radial_funcs_count,
        alpha_moments_count=moments,
        alpha_index_basic=tables.basic,
        alpha_index_times=tables.times,
        alpha_scalar_moments=len(tables.scalars),
        alpha_moment_mapping=tables.scalars,
        radial_coeffs=np.zeros(0),
        species_coeffs=np.zeros(0),
        moment_coeffs=np.zeros(0),
    )


@lru_cache(maxsize=4)
def contraction_tables(level: int) -> Tables:
    """Derive the tables of a level."""
    graphs = scalar_graphs(level)
    tree = _Tree(sorted({vertex for g in graphs for vertex in zip(g.mu, g.nu, strict=True)}))
    scalars: dict[Graph, int] = {}
    for graph in graphs:
        parts = [graph.part(vertices) for vertices in graph.components()]
        if len(parts) > 1:
            first, rest = parts[0], graph.part(sorted(set(range(len(graph.mu))) - {*_first(graph)}))
            scalars[graph], _ = tree.add([(scalars[first], scalars[rest], 1)])
        else:
            scalars[graph] = tree.cheapest(list(_plans(graph)))
    return Tables(
        1 + max(mu for graph in graphs for mu in graph.mu),
        np.array(tree.basic, dtype=np.int32).reshape(-1, 4),
        np.array(tree.rows, dtype=np.int32).reshape(-1, 4),
        np.array(list(scalars.values()), dtype=np.int32),
    )


def _first(graph: Graph) -> list[int]:
    return graph.components()[0]


def scalar_graphs(level: int) -> list[Graph]:
    """All multigraphs up to a level, lowest first and small ones before large ones."""
    found: set[Graph] = set()
    for size in range(1, min(MAX_VERTICES, level // 2) + 1):
        for mu in combinations_with_replacement(range(min(MAX_MU, (level - 2) // 4) + 1), size):
            edges = (level - sum(2 + 4 * m for m in mu)) // 2
            for counts in _at_most(edges, size * (size - 1) // 2):
                graph = _canonical(mu, counts)
                if max(graph.nu) <= MAX_NU:
                    found.add(graph)
    return sorted(found, key=lambda g: (g.level, len(g.mu), g))


def _at_most(total: int, slots: int) -> Iterator[tuple[int, ...]]:
    """All tuples of `slots` whole numbers that add up to at most `total`."""
    if slots == 0:
        if total >= 0:
            yield ()
        return
    for first in range(total + 1):
        for rest in _at_most(total - first, slots - 1):
            yield (first, *rest)


@cache
def _canonical(mu: tuple[int, ...], edges: tuple[int, ...]) -> Graph:
    """The same graph for every numbering of its vertices."""
    size, matrix = len(mu), Graph(mu, edges).matrix
    orders = (p for p in permutations(range(size)) if all(mu[i] <= mu[j] for i, j in _steps(p)))
    best = max(tuple(matrix[p[i]][p[j]] for i, j in combinations(range(size), 2)) for p in orders)
    return Graph(tuple(sorted(mu)), best)


def _steps(order: tuple[int, ...]) -> Iterable[tuple[int, int]]:
    return pairwise(order)


@cache
def multis(rank: int) -> list[Multi]:
    """Components of a symmetric tensor, in MLIP-2's order."""
    return [(x, y, rank - x - y) for x in range(rank, -1, -1) for y in range(rank - x, -1, -1)]


@cache
def _count(multi: Multi) -> int:
    """Number of index tuples that are this component."""
    return factorial(sum(multi)) // prod(factorial(n) for n in multi)


@cache
def _splits(multi: Multi, rank: int) -> list[tuple[Multi, Multi, int]]:
    """Ways to part the indices in two groups, the first with `rank`, and the count of each."""
    x, y, z = multi
    return [
        (part, rest, _count(part) * _count(rest))
        for part in multis(rank)
        if min(rest := (x - part[0], y - part[1], z - part[2])) >= 0
    ]


def _plus(*multis: Multi) -> Multi:
    x, y, z = zip(*multis, strict=True)
    return sum(x), sum(y), sum(z)


class _Tree:
    """Moments found so far, by value, and the products that make them."""

    def __init__(self, vertices: list[tuple[int, int]]) -> None:
        source = random.Random(0)
        self.basic = [(mu, *multi) for mu, nu in vertices for multi in multis(nu)]
        self.tensor = {key: i for i, key in enumerate(self.basic)}
        self.values = [source.randrange(_PRIME) for _ in self.basic]
        self.known = {value: i for i, value in enumerate(self.values)}
        self.rows: list[tuple[int, int, int, int]] = []

    def __getitem__(self, component: tuple[int, Multi]) -> int:
        mu, multi = component
        return self.tensor[(mu, *multi)]

    def add(self, terms: Iterable[tuple[int, int, int]]) -> Weighted:
        """A moment that is a sum of products ``left * right * weight``, but for a whole number."""
        merged: dict[tuple[int, int], int] = {}
        for left, right, weight in terms:
            pair = (left, right) if left <= right else (right, left)
            merged[pair] = merged.get(pair, 0) + weight
        common = gcd(*merged.values())
        values = self.values
        value = sum(values[a] * values[b] * (w // common) for (a, b), w in merged.items()) % _PRIME
        if value not in self.known:
            target = len(values)
            self.known[value] = target
            values.append(value)
            self.rows.extend((a, b, w // common, target) for (a, b), w in merged.items())
        return self.known[value], common

    def cheapest(self, plans: list[Callable[[_Tree], int]]) -> int:
        """Carry out the plan that adds the fewest rows."""
        if len(plans) > 1:
            plans = [min(plans, key=self._price)]
        return plans[0](self)

    def _price(self, plan: Callable[[_Tree], int]) -> int:
        rows, moments = len(self.rows), len(self.values)
        plan(self)
        price = len(self.rows) - rows
        for value in self.values[moments:]:
            del self.known[value]
        del self.rows[rows:], self.values[moments:]
        return price


def _plans(graph: Graph) -> Iterator[Callable[[_Tree], int]]:
    """The ways to evaluate a connected graph, each once: a and b can be swapped."""
    mu, matrix, size = graph.mu, graph.matrix, len(graph.mu)
    seen = set()
    for order in permutations(range(size)):
        if order[:2] != tuple(sorted(order[:2])):
            continue
        cut = _Cut([mu[i] for i in order], [[matrix[i][j] for j in order] for i in order])
        ways = {1: [cut.alone], 2: [cut.pair], 3: [cut.root], 4: [cut.chain, cut.halves]}[size]
        for way in ways:
            key = (way.__name__, str(cut.mu), str(cut.edges))
            if key not in seen:
                seen.add(key)
                yield way


class _Cut:
    """A connected graph with its vertices in an order: a, b, c, d."""

    def __init__(self, mu: list[int], edges: list[list[int]]) -> None:
        self.mu = mu
        self.edges = edges

    def alone(self, tree: _Tree) -> int:
        return tree[self.mu[0], (0, 0, 0)]

    def pair(self, tree: _Tree) -> int:
        """Sum over the components of two tensors."""
        a, b = self.mu
        return tree.add((tree[a, k], tree[b, k], _count(k)) for k in multis(self.edges[0][1]))[0]

    def root(self, tree: _Tree) -> int:
        """Contract a with b, symmetrise what is open, contract it with c."""
        nu = sum(self.edges[2])
        terms = []
        for k in multis(nu):
            moment, weight = self.symmetrised(tree, k, (0, 0, 0), 2, None)
            terms.append((moment, tree[self.mu[2], k], weight))
        return tree.add(terms)[0]

    def chain(self, tree: _Tree) -> int:
        """Contract a with b, that with c, symmetrise what is open, contract it with d."""
        (_, _, _, ad), (_, _, _, bd), (_, _, _, cd) = self.edges[:3]
        to_c = self.edges[0][2] + self.edges[1][2]
        terms = []
        for k in multis(ad + bd + cd):
            inner = []
            for from_c, from_ab, count in _splits(k, cd):
                count //= _count(from_ab)
                for g in multis(to_c):
                    moment, weight = self.symmetrised(tree, g, from_ab, 2, 3)
                    inner.append((moment, tree[self.mu[2], _plus(g, from_c)], weight * count))
            moment, weight = tree.add(inner)
            terms.append((moment, tree[self.mu[3], k], weight))
        return tree.add(terms)[0]

    def halves(self, tree: _Tree) -> int:
        """Contract a with b, symmetrise what is open to c and to d, contract it with c d."""
        c, d = self.mu[2:]
        to_c = self.edges[0][2] + self.edges[1][2]
        to_d = self.edges[0][3] + self.edges[1][3]
        terms = []
        for g in multis(to_c):
            for h in multis(to_d):
                left, weight = self.symmetrised(tree, g, h, 2, 3)
                right, common = tree.add(
                    (tree[c, _plus(g, k)], tree[d, _plus(h, k)], _count(k))
                    for k in multis(self.edges[2][3])
                )
                terms.append((left, right, weight * common))
        return tree.add(terms)[0]

    def symmetrised(self, tree: _Tree, to_c: Multi, to_d: Multi, c: int, d: int | None) -> Weighted:
        """A component of a contracted with b: of the sum over all ways to deal open indices."""
        a, b = self.mu[:2]
        terms = []
        for ac, bc, count_c in _splits(to_c, self.edges[0][c]):
            for ad, bd, count_d in _splits(to_d, self.edges[0][d] if d is not None else 0):
                for k in multis(self.edges[0][1]):
                    left, right = tree[a, _plus(k, ac, ad)], tree[b, _plus(k, bc, bd)]
                    terms.append((left, right, _count(k) * count_c * count_d))
        return tree.add(terms)
