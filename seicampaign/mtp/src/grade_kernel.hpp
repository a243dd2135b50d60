// Extrapolation grades of a panel of atoms, see grade.hpp: products of matrices with the basis of all
// its atoms. Compiled once per instruction set, like kernel.hpp.
#pragma once

#include "dispatch.hpp"
#include "simd.hpp"

namespace {

using sei::mtp::grade_blocks, sei::mtp::tile_blocks;

constexpr int panel = grade_blocks * width;  // atoms
constexpr int tile_rows = width == 8 ? 8 : 4;  // whose sums stay in registers

typedef float F __attribute__((vector_size(8 * width)));     // as many bytes as V
typedef float Half __attribute__((vector_size(4 * width)));  // as many lanes as V

// sum += rows of a matrix times `in`, [inputs][tile_blocks] vectors of atoms.
template <int N, class T, class Vector>
SEI_INLINE void add_rows(const T *matrix, int inputs, const Vector *in, Vector (*sum)[tile_blocks]) {
  const T *rows[N];
#pragma GCC unroll 8
  for (int n = 0; n < N; n++) rows[n] = matrix + (long)n * inputs;
  for (int i = 0; i < inputs; i++, in += tile_blocks)
#pragma GCC unroll 8
    for (int n = 0; n < N; n++)
#pragma GCC unroll 3
      for (int v = 0; v < tile_blocks; v++) sum[n][v] += rows[n][i] * in[v];
}

// out[row][panel] = matrix basis for the atoms of a tile, in single precision.
template <int N>
SEI_INLINE void reduce_rows(const double *matrix, int inputs, const V *basis, float *out) {
  V sum[N][tile_blocks] = {};
  add_rows<N>(matrix, inputs, basis, sum);
#pragma GCC unroll 8
  for (int n = 0; n < N; n++)
#pragma GCC unroll 3
    for (int v = 0; v < tile_blocks; v++)
      *(Half *)(out + n * panel + v * width) = __builtin_convertvector(sum[n][v], Half);
}

SEI_INLINE void keep_largest(F size, F &most) {
  size = size < F{} ? -size : size;
  most = size > most ? size : most;
}

// Keeps the largest absolute values of matrix in + more own, of all atoms of a panel.
template <int N>
SEI_INLINE void grade_rows(const float *matrix, int inputs, const F *in, const float *more,
                           int more_inputs, const F *own, F *most) {
  static_assert(sizeof(F) * tile_blocks == sizeof(float) * panel, "one tile of floats is a panel");
  F sum[N][tile_blocks] = {};
  add_rows<N>(matrix, inputs, in, sum);
  if (more_inputs) add_rows<N>(more, more_inputs, own, sum);
#pragma GCC unroll 8
  for (int n = 0; n < N; n++)
#pragma GCC unroll 3
    for (int v = 0; v < tile_blocks; v++) keep_largest(sum[n][v], most[v]);
}

// tile(row) for all rows, some of the last tile a second time; single(row) where they fill none.
template <class Tile, class Single>
SEI_INLINE void for_tiles(int rows, Tile tile, Single single) {
  for (int row = 0; row + tile_rows <= rows; row += tile_rows) tile(row);
  if (rows >= tile_rows && rows % tile_rows) tile(rows - tile_rows);
  for (int row = 0; rows < tile_rows && row < rows; row++) single(row);
}

// The memory is [scalars + exact + parameters][panel].
void grade_atoms(const sei::mtp::GradeView &set, const double *basis, double *grades,
                 float *memory) {
  const int inputs = set.scalars + set.parameters, outputs = set.scalars + set.exact;
  float *own = memory + outputs * panel;
  for (int first = 0; first < panel; first += tile_blocks * width) {
    const V *tile = (const V *)(basis + (long)first * inputs);
    auto reduce = [&](auto kernel) {
      return [=](int row) {
        kernel(set.reduce + (long)row * inputs, inputs, tile, memory + row * panel + first);
      };
    };
    for_tiles(outputs, reduce(reduce_rows<tile_rows>), reduce(reduce_rows<1>));
    const V *const last = tile + set.scalars * tile_blocks;
    for (int i = 0; i < set.parameters; i++)
      for (int v = 0; v < tile_blocks; v++)
        *(Half *)(own + i * panel + first + v * width) =
            __builtin_convertvector(last[i * tile_blocks + v], Half);
  }

  F most[tile_blocks] = {};
  for (int i = set.scalars * tile_blocks; i < outputs * tile_blocks; i++)
    keep_largest(((const F *)memory)[i], most[i % tile_blocks]);
  const F *part = (const F *)memory;
  for (int g = 0; g < set.groups; g++) {
    const bool direct = g == set.own;
    const int rank = set.ranks[g], size = set.sizes[g] - (direct ? set.exact : 0);
    const int more = direct ? set.parameters : 0;
    const float *spread = set.spread[g], *own_rows = direct ? set.direct : spread;
    auto grade = [&](auto kernel) {
      return [=, &most](int row) {
        kernel(spread + row * rank, rank, part, own_rows + row * more, more, (const F *)own, most);
      };
    };
    for_tiles(size, grade(grade_rows<tile_rows>), grade(grade_rows<1>));
    part += rank * tile_blocks;
  }
  for (int i = 0; i < panel; i++) grades[i] = most[i / (2 * width)][i % (2 * width)];
}

}  // namespace
