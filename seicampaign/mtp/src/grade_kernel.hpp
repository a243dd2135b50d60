// Extrapolation grades of a panel of atoms, see grade.hpp: products of matrices with the basis of all
// its atoms in single precision, then the coefficients that may be the largest in double. Compiled
// once per instruction set, like kernel.hpp.
#pragma once

#include "dispatch.hpp"
#include "simd.hpp"

namespace {

using sei::mtp::grade_blocks, sei::mtp::GradeView, sei::mtp::packed_inputs, sei::mtp::packed_rows;

constexpr int tile_rows = width == 8 ? 8 : 4;  // whose sums stay in registers

typedef float F __attribute__((vector_size(8 * width)));     // as many bytes as V
typedef float Half __attribute__((vector_size(4 * width)));  // as many lanes as V
constexpr int most_vectors = grade_blocks / 2;               // F for each number of a panel

template <class T>
SEI_INLINE T magnitude(T x) { return x < T{} ? -x : x; }

template <class T>
SEI_INLINE T larger(T a, T b) { return a > b ? a : b; }

// out[N] += rows of a tile times in[inputs], for the first `Vectors` vectors of the panel.
template <int N, int Vectors>
SEI_INLINE void add_rows(const float *tile, int stride, int inputs, const F *in, F *out) {
  F sum[N][Vectors] = {};
  for (int i = 0; i < inputs; i++, in += most_vectors, tile += stride)
#pragma GCC unroll 8
    for (int n = 0; n < N; n++)
#pragma GCC unroll 3
      for (int v = 0; v < Vectors; v++) sum[n][v] += tile[n] * in[v];
#pragma GCC unroll 8
  for (int n = 0; n < N; n++)
#pragma GCC unroll 3
    for (int v = 0; v < Vectors; v++) out[n * most_vectors + v] += sum[n][v];
}

template <int N, int Vectors>
SEI_INLINE void add_tile(const float *tile, int rows, int stride, int inputs, const F *in, F *out) {
  for (; rows >= N; rows -= N, tile += N, out += N * most_vectors)
    add_rows<N, Vectors>(tile, stride, inputs, in, out);
  if constexpr (N > 1) {
    if (rows) add_tile<N - 1, Vectors>(tile, rows, stride, inputs, in, out);
  }
}

// A panel between the steps.
struct Panel {
  const double *basis;
  F *inputs, *found;  // [basis_size], [rows]: deviations from the centre and from its coefficients
  F reach[most_vectors], least[most_vectors];  // see centre_inputs() and find_least()
};

// out[rows] += matrix in, for the first `Vectors` vectors of the panel.
template <int Vectors>
void add_product(const float *matrix, int rows, int inputs, const F *in, F *out) {
  for (int left = inputs; left > 0; left -= packed_inputs, in += packed_inputs * most_vectors) {
    const int size = left < packed_inputs ? left : packed_inputs;
    for (int row = 0; row < rows; row += packed_rows) {
      const int n = rows - row < packed_rows ? rows - row : packed_rows;
      add_tile<tile_rows, Vectors>(matrix, n, n, size, in, out + row * most_vectors);
      matrix += n * size;
    }
  }
}

// Deviations of the basis from the centre, and by how much they leave the range of the set.
SEI_INLINE void centre_inputs(const GradeView &set, Panel &p) {
  for (F &reach : p.reach) reach = F{} + 1.0f;
  for (int i = 0; i < set.scalars + set.parameters; i++) {
    const V *const from = (const V *)p.basis + i * grade_blocks;
    F *const to = p.inputs + i * most_vectors;
#pragma GCC unroll 6
    for (int b = 0; b < grade_blocks; b++)
      ((Half *)to)[b] = __builtin_convertvector(from[b] - set.centre[i], Half);
#pragma GCC unroll 3
    for (int v = 0; v < most_vectors; v++)
      p.reach[v] = larger(p.reach[v], set.range[i] * magnitude(to[v]));
  }
}

// What the largest coefficient of each atom is at least.
SEI_INLINE void find_least(const GradeView &set, Panel &p) {
  for (F &least : p.least) least = F{};
  for (int row = 0; row < set.rows; row++)
#pragma GCC unroll 3
    for (int v = 0; v < most_vectors; v++) {
      const F size = magnitude(p.found[row * most_vectors + v] + set.constants[row]);
      p.least[v] = larger(p.least[v], size - set.tolerance[row] * p.reach[v]);
    }
}

// All coefficients in single precision.
template <int Vectors>
void approximate(const GradeView &set, Panel &p) {
  centre_inputs(set, p);
  for (int i = 0; i < set.rows * most_vectors; i++) p.found[i] = F{};
  add_product<Vectors>(set.joint, set.scalars, set.scalars + set.parameters, p.inputs, p.found);
  const F *part = p.found;
  F *out = p.found + set.scalars * most_vectors;
  for (int g = 0; g < set.species; g++) {
    if (g == set.own)
      add_product<Vectors>(set.direct, set.parameters, set.parameters,
                           p.inputs + set.scalars * most_vectors, out);
    add_product<Vectors>(set.spread[g], set.parameters, set.ranks[g], part, out);
    part += set.ranks[g] * most_vectors;
    out += set.parameters * most_vectors;
  }
  find_least(set, p);
}

// Rows that may be the largest of one of the first lanes of a block.
SEI_INLINE int list_candidates(const GradeView &set, const Panel &p, int block, unsigned lanes,
                               int *rows) {
  const Half reach = ((const Half *)p.reach)[block], least = ((const Half *)p.least)[block];
  int count = 0;
  for (int row = 0; row < set.rows; row++) {
    const Half found = ((const Half *)(p.found + row * most_vectors))[block];
    const Half size = magnitude(found + set.constants[row]) + set.tolerance[row] * reach;
    rows[count] = row;
    count += (lanes_of(size >= least) & lanes) != 0;
  }
  return count;
}

// Coefficients of some rows for a block, in double precision. Returns the lanes in which one is not
// what single precision gave, within its tolerance.
SEI_INLINE unsigned check_rows(const GradeView &set, const Panel &p, int block, const int *rows,
                               V &most) {
  constexpr int N = tile_rows;
  const double *row[N];
#pragma GCC unroll 8
  for (int n = 0; n < N; n++) row[n] = set.exact + (long)rows[n] * set.row_size;
  const V *in = (const V *)p.basis + block;
  V sum[N] = {};
  for (int i = 0; i < set.scalars; i++, in += grade_blocks)
#pragma GCC unroll 8
    for (int n = 0; n < N; n++) sum[n] += row[n][i] * *in;
  const int own = set.scalars + set.own * set.parameters;
  for (int i = own; i < own + set.parameters; i++, in += grade_blocks)
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
    most = larger(most, magnitude(sum[n])) + 0.0 * sum[n];  // what is no number remains none
  }
  return wrong;
}

// The same for any number; `rows` has room to be filled up to whole tiles.
SEI_INLINE unsigned check(const GradeView &set, const Panel &p, int block, int *rows, int count,
                          V &most) {
  unsigned wrong = 0;
  for (int n = count; n % tile_rows; n++) rows[n] = rows[count - 1];
  for (int n = 0; n < count; n += tile_rows)
    wrong |= check_rows(set, p, block, rows + n, most);
  return wrong;
}

SEI_INLINE V grade_block(const GradeView &set, const Panel &p, int block, int lanes, int *rows) {
  const unsigned members = (1u << lanes) - 1;
  V most = V{};
  int count = list_candidates(set, p, block, members, rows);
  if (count && !(check(set, p, block, rows, count, most) & members)) return most;
  for (count = 0; count < set.rows; count++) rows[count] = count;
  check(set, p, block, rows, count, most);
  return most;
}

void grade_atoms(const GradeView &set, const double *basis, int blocks, const int *lanes,
                 double *grades, float *memory) {
  F *const inputs = (F *)memory, *const found = inputs + (set.scalars + set.parameters) * most_vectors;
  Panel panel{basis, inputs, found, {}, {}};
  if (blocks <= 2)
    approximate<1>(set, panel);
  else if (blocks <= 4)
    approximate<2>(set, panel);
  else
    approximate<3>(set, panel);
  int *const rows = (int *)(found + set.rows * most_vectors);
  for (int block = 0; block < blocks; block++)
    *(V *)(grades + block * width) = grade_block(set, panel, block, lanes[block], rows);
}

}  // namespace
