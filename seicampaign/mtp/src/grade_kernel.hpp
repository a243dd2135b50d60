// Extrapolation grades of a panel of atoms, several vectors of them at once, see grade.hpp.
// Compiled once per instruction set, like kernel.hpp.
#pragma once

#include "dispatch.hpp"
#include "simd.hpp"

namespace {

using sei::mtp::grade_blocks;

// One output per row of a matrix: sums over the inputs, of all atoms of the panel.
struct Sums {
  V of[grade_blocks];
};

template <int N>
SEI_INLINE void add_rows(const double *const *matrix, int inputs, const double *in, Sums *sums) {
  for (int i = 0; i < inputs; i++, in += grade_blocks * width)
#pragma GCC unroll 4
    for (int n = 0; n < N; n++)
#pragma GCC unroll 8
      for (int b = 0; b < grade_blocks; b++)
        sums[n].of[b] += matrix[n][i] * *(const V *)(in + b * width);
}

// What a sum starts from and what is done with it.
enum class Then { store, grade };

// out[row] = start[row] + matrix in (+ more more_in), or the largest absolute value of all rows.
template <Then then, int N>
SEI_INLINE void product_rows(const double *matrix, int inputs, const double *in, const double *more,
                             int more_inputs, const double *more_in, const double *start,
                             double *out) {
  Sums sums[N];
  const double *rows[N], *more_rows[N];
#pragma GCC unroll 4
  for (int n = 0; n < N; n++) {
    rows[n] = matrix + n * inputs;
    more_rows[n] = more + n * more_inputs;
#pragma GCC unroll 8
    for (int b = 0; b < grade_blocks; b++)
      sums[n].of[b] = start ? *(const V *)(start + (n * grade_blocks + b) * width) : V{};
  }
  add_rows<N>(rows, inputs, in, sums);
  if (more_inputs) add_rows<N>(more_rows, more_inputs, more_in, sums);
#pragma GCC unroll 4
  for (int n = 0; n < N; n++)
#pragma GCC unroll 8
    for (int b = 0; b < grade_blocks; b++) {
      const V value = sums[n].of[b];
      if (then == Then::store) {
        *(V *)(out + (n * grade_blocks + b) * width) = value;
      } else {
        const V size = value < V{} ? -value : value, most = *(V *)(out + b * width);
        *(V *)(out + b * width) = size > most ? size : most;
      }
    }
}

template <Then then>
void product(const double *matrix, int outputs, int inputs, const double *in, const double *more,
             int more_inputs, const double *more_in, const double *start, double *out) {
  constexpr int rows = width == 8 ? 4 : 2, panel = grade_blocks * width;
  int n = 0;
  auto at = [&](int row) { return then == Then::store ? out + row * panel : out; };
  auto begin = [&](int row) { return start ? start + row * panel : nullptr; };
  for (; n + rows <= outputs; n += rows)
    product_rows<then, rows>(matrix + n * inputs, inputs, in, more + n * more_inputs, more_inputs,
                             more_in, begin(n), at(n));
  for (; n < outputs; n++)
    product_rows<then, 1>(matrix + n * inputs, inputs, in, more + n * more_inputs, more_inputs,
                          more_in, begin(n), at(n));
}

void grade_atoms(const sei::mtp::GradeView &set, const double *basis, double *grades, void *memory) {
  constexpr int panel = grade_blocks * width;
  const double *own = basis + set.scalars * panel;
  double *moments = (double *)memory, *solved = moments + set.scalars * panel;
  for (int i = 0; i < panel; i++) grades[i] = 0.0;
  product<Then::store>(set.to_moments, set.scalars, set.parameters, own, nullptr, 0, nullptr, basis,
                       moments);
  product<Then::store>(set.inverse, set.scalars, set.scalars, moments, nullptr, 0, nullptr, nullptr,
                       solved);
  const double *part = solved;
  for (int g = 0; g < set.groups; g++) {
    const bool direct = g == set.own;
    product<Then::grade>(set.spread[g], set.sizes[g], set.ranks[g], part,
                         direct ? set.direct : nullptr, direct ? set.parameters : 0, own, nullptr,
                         grades);
    part += set.ranks[g] * panel;
  }
}

}  // namespace
