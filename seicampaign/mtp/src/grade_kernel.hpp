// Extrapolation grades of a panel of atoms, see grade.hpp: products of matrices with the basis of all
// its atoms in single precision, then the coefficients that may be the largest in double. Compiled
// once per instruction set, like kernel.hpp.
#pragma once

#include "dispatch.hpp"
#include "simd.hpp"

namespace {

using sei::mtp::grade_blocks, sei::mtp::GradeView, sei::mtp::Piece, sei::mtp::Tile;

typedef float F __attribute__((vector_size(8 * width)));     // as many bytes as V
typedef float Half __attribute__((vector_size(4 * width)));  // as many lanes as V
typedef unsigned long long Lanes;                            // of a panel, a bit for each
constexpr int most_vectors = grade_blocks / 2;               // F for each number of a panel
constexpr int most_rows = sei::mtp::tile_rows(width);

// A row that may be the largest in some lanes.
struct Candidate {
  int row;
  Lanes lanes;
};

// A panel between the steps.
struct Panel {
  const double *basis;
  Lanes members;    // that are no idle ones
  F *inputs;        // [basis_size] deviations from the centre, and right behind them
  F *found;         // [rows] deviations from the coefficients of the centre
  F *tops;          // [tiles] the largest coefficients of each
  Candidate *candidates;  // [rows]
  int *rows;              // [rows + most_rows] of a block
  F reach[most_vectors], least[most_vectors];  // see centre_inputs() and finish_tile()
  int measured;  // from where on, the sum of the squares of coefficients is in `squares`
  F squares[most_vectors];
};

// Deviations of the basis from the centre, and by how much they leave the range of the set.
SEI_INLINE void centre_inputs(const GradeView &set, Panel &p) {
  const int inputs = set.scalars + set.parameters;
  const V *from = (const V *)p.basis;
  Half *to = (Half *)p.inputs;
  for (int i = 0; i < inputs; i++, from += grade_blocks, to += grade_blocks)
#pragma GCC unroll 6
    for (int b = 0; b < grade_blocks; b++)
      to[b] = __builtin_convertvector(from[b] - set.centre[i], Half);
  for (F &reach : p.reach) reach = F{} + 1.0f;
  for (int i = 0; i < inputs; i++)
#pragma GCC unroll 3
    for (int v = 0; v < most_vectors; v++)
      p.reach[v] = larger(set.range[i] * magnitude(p.inputs[i * most_vectors + v]), p.reach[v]);
}

// The largest coefficients of a tile, and what the largest of all are at least.
template <int N, int Vectors>
SEI_INLINE void finish_tile(const GradeView &set, const Tile &tile, const F (&sum)[N][Vectors],
                            F *tops, Panel &p) {
  F top[Vectors] = {};
  const float *const constants = set.constants + tile.row;
#pragma GCC unroll 8
  for (int n = 0; n < N; n++)
#pragma GCC unroll 3
    for (int v = 0; v < Vectors; v++) top[v] = larger(magnitude(sum[n][v] + constants[n]), top[v]);
#pragma GCC unroll 3
  for (int v = 0; v < Vectors; v++) {
    tops[v] = top[v];
    p.least[v] = larger(top[v] - tile.tolerance * p.reach[v], p.least[v]);
  }
}

// The coefficients of a tile of N rows, for the first `Vectors` vectors of the panel.
template <int N, int Vectors>
SEI_INLINE void work_out_rows(const GradeView &set, const Tile &tile, F *tops, Panel &p) {
  F *const out = p.found + tile.row * most_vectors;
  for (const Piece *piece = tile.begin;; piece++) {
    const float *matrix = piece->matrix;
    const F *in = p.inputs + piece->first * most_vectors;
    F sum[N][Vectors] = {};
    for (int i = 0; i < piece->inputs; i++, in += most_vectors, matrix += N) {
      __builtin_prefetch(matrix + 512);
#pragma GCC unroll 8
      for (int n = 0; n < N; n++)
#pragma GCC unroll 3
        for (int v = 0; v < Vectors; v++) sum[n][v] += matrix[n] * in[v];
    }
    if (piece != tile.begin)
#pragma GCC unroll 8
      for (int n = 0; n < N; n++)
#pragma GCC unroll 3
        for (int v = 0; v < Vectors; v++) sum[n][v] += out[n * most_vectors + v];
#pragma GCC unroll 8
    for (int n = 0; n < N; n++)
#pragma GCC unroll 3
      for (int v = 0; v < Vectors; v++) out[n * most_vectors + v] = sum[n][v];
    if (piece + 1 == tile.end) return finish_tile(set, tile, sum, tops, p);
  }
}

template <int N, int Vectors>
SEI_INLINE void work_out_tile(const GradeView &set, const Tile &tile, F *tops, Panel &p) {
  if (tile.rows == N) return work_out_rows<N, Vectors>(set, tile, tops, p);
  if constexpr (N > 1) work_out_tile<N - 1, Vectors>(set, tile, tops, p);
}

// Squares of the coefficients that a tile is made of, added up.
SEI_INLINE void measure(const GradeView &set, const Tile &tile, Panel &p) {
  for (F &square : p.squares) square = F{};
  const int inputs = set.scalars + set.parameters, first = tile.begin->first - inputs,
            last = tile.end[-1].first + tile.end[-1].inputs - inputs;
  for (int row = first; row < last; row++)
#pragma GCC unroll 3
    for (int v = 0; v < most_vectors; v++) {
      const F c = p.found[row * most_vectors + v] + set.constants[row];
      p.squares[v] += c * c;
    }
  p.measured = tile.begin->first;
}

// Whether a tile may have the largest coefficient of an atom. Those of other species than the atom's
// are products with coefficients known already, so none is larger than the norms multiplied, even if
// those are off by their tolerance.
SEI_INLINE bool may_matter(const GradeView &set, const Tile &tile, Panel &p) {
  if (tile.square == 0.0f) return true;
  if (p.measured != tile.begin->first) measure(set, tile, p);
  Lanes lanes = 0;
#pragma GCC unroll 3
  for (int v = 0; v < most_vectors; v++) {
    const F room = larger(p.least[v] - tile.error * p.reach[v], F{});
    lanes |= (Lanes)lanes_of(tile.square * p.squares[v] >= room * room) << 2 * width * v;
  }
  return lanes & p.members;
}

// All coefficients in single precision, but for tiles that do not matter.
template <int Vectors>
void approximate(const GradeView &set, Panel &p) {
  F *tops = p.tops;
  for (const Tile *tile = set.tiles.begin; tile != set.tiles.end; tile++, tops += most_vectors)
    if (may_matter(set, *tile, p))
      work_out_tile<most_rows, Vectors>(set, *tile, tops, p);
    else
      for (int v = 0; v < most_vectors; v++) tops[v] = F{} - 1e30f;
}

// Where coefficients of so much, with an error of so much, may be the largest.
SEI_INLINE Lanes lanes_above(const Panel &p, const F *size, float tolerance) {
  Lanes lanes = 0;
#pragma GCC unroll 3
  for (int v = 0; v < most_vectors; v++)
    lanes |= (Lanes)lanes_of(size[v] + tolerance * p.reach[v] >= p.least[v]) << 2 * width * v;
  return lanes & p.members;
}

int list_candidates(const GradeView &set, const Panel &p) {
  int count = 0;
  const F *tops = p.tops;
  for (const Tile *tile = set.tiles.begin; tile != set.tiles.end; tile++, tops += most_vectors) {
    if (!lanes_above(p, tops, tile->tolerance)) continue;
    for (int row = tile->row; row < tile->row + tile->rows; row++) {
      F size[most_vectors];
#pragma GCC unroll 3
      for (int v = 0; v < most_vectors; v++)
        size[v] = magnitude(p.found[row * most_vectors + v] + set.constants[row]);
      p.candidates[count] = {row, lanes_above(p, size, set.tolerance[row])};
      count += p.candidates[count].lanes != 0;
    }
  }
  return count;
}

// Coefficients of some rows for a block, in double precision. Returns the lanes in which one is not
// what single precision gave, within its tolerance.
SEI_INLINE unsigned check_rows(const GradeView &set, const Panel &p, int block, const int *rows,
                               V &most) {
  constexpr int N = most_rows;
  const double *row[N];
#pragma GCC unroll 8
  for (int n = 0; n < N; n++) row[n] = set.exact + (long)rows[n] * set.rows;
  const V *in = (const V *)p.basis + block;
  V sum[N] = {};
  for (int i = 0; i < set.scalars; i++, in += grade_blocks)
#pragma GCC unroll 8
    for (int n = 0; n < N; n++) sum[n] += row[n][i] * *in;
  for (int i = set.own; i < set.own + set.parameters; i++, in += grade_blocks)
#pragma GCC unroll 8
    for (int n = 0; n < N; n++) sum[n] += row[n][i] * *in;
  const Half reach = ((const Half *)p.reach)[block];
  unsigned wrong = 0;
#pragma GCC unroll 8
  for (int n = 0; n < N; n++) {
    const int r = rows[n];
    const Half found = ((const Half *)(p.found + r * most_vectors))[block] + set.constants[r];
    const Half error = magnitude(__builtin_convertvector(sum[n], Half) - found);
    wrong |= ~lanes_of(error <= set.tolerance[r] * reach);
    const V size = sum[n] < V{} ? -sum[n] : sum[n];
    most = (size > most ? size : most) + 0.0 * sum[n];  // what is no number remains none
  }
  return wrong;
}

// The same for any number; `rows` has room to be filled up to whole tiles.
SEI_INLINE unsigned check(const GradeView &set, const Panel &p, int block, int count, V &most) {
  unsigned wrong = 0;
  for (int n = count; n % most_rows; n++) p.rows[n] = p.rows[count - 1];
  for (int n = 0; n < count; n += most_rows)
    wrong |= check_rows(set, p, block, p.rows + n, most);
  return wrong;
}

// Of the lanes of a block.
V grade_block(const GradeView &set, const Panel &p, int block, int candidates) {
  const unsigned members = p.members >> block * width & ((1u << width) - 1);
  V most = V{};
  int count = 0;
  for (const Candidate *c = p.candidates; c != p.candidates + candidates; c++) {
    p.rows[count] = c->row;
    count += (c->lanes >> block * width & members) != 0;
  }
  if (count && !(check(set, p, block, count, most) & members)) return most;
  for (count = 0; count < set.rows; count++) p.rows[count] = count;
  check(set, p, block, count, most);
  return most;
}

void grade_atoms(const GradeView &set, const double *basis, int blocks, const int *lanes,
                 double *grades, float *memory) {
  F *const inputs = (F *)memory, *const found = inputs + (set.scalars + set.parameters) * most_vectors,
           *const tops = found + set.rows * most_vectors;
  const long tiles = set.tiles.end - set.tiles.begin;
  Candidate *const candidates = (Candidate *)(tops + tiles * most_vectors);
  Panel panel{basis, 0, inputs, found, tops, candidates, (int *)(candidates + set.rows), {}, {}, 0,
              {}};
  for (int block = 0; block < blocks; block++)
    panel.members |= ((Lanes{1} << lanes[block]) - 1) << block * width;
  centre_inputs(set, panel);
  if (blocks <= 2)
    approximate<1>(set, panel);
  else if (blocks <= 4)
    approximate<2>(set, panel);
  else
    approximate<3>(set, panel);
  const int count = list_candidates(set, panel);
  for (int block = 0; block < blocks; block++)
    *(V *)(grades + block * width) = grade_block(set, panel, block, count);
}

}  // namespace
