// Energies of a block of atoms of one species and their derivatives with respect to the vectors
// to the neighbours. One lane of a vector is one atom, so nothing is ever summed across lanes.
//
// Compiled once per instruction set (kernel_*.cpp) with everything in an unnamed namespace, and
// without the standard library: a shared inline function could be the one with the wrong
// instructions.
#pragma once

#include <cstdint>

#include "dispatch.hpp"
#include "grade_kernel.hpp"
#include "simd.hpp"

namespace {

using namespace sei::mtp;

// What a neighbour slot keeps from the forward to the backward sweep.
template <int H>
struct Slot {
  V x, y, z, inverse;  // unit vector, 1 / distance
  V f[radial_functions(H)], df[radial_functions(H)];
};

// The polynomials are left at `kept` where the basis is wanted.
template <int H, bool Keep>
SEI_INLINE void radial_part(const PlanView &plan, const double *table, const Block &block, int slot,
                            Slot<H> &out, V *kept) {
  constexpr int functions = radial_functions(H);
  const V dx = *(const V *)(block.dx + slot * width), dy = *(const V *)(block.dy + slot * width),
          dz = *(const V *)(block.dz + slot * width);
  const V r = square_root(dx * dx + dy * dy + dz * dz), inverse = 1.0 / r;
  out.x = dx * inverse;
  out.y = dy * inverse;
  out.z = dz * inverse;
  out.inverse = inverse;
  const L index = __builtin_convertvector(*(const I *)(block.species + slot * width), L);
  const bool small = plan.table_width == 8;

  const double slope = 2.0 / (plan.max_dist - plan.min_dist);
  const V x = slope * (r - plan.min_dist) - 1.0, twice = x + x, reach = clamp_below(plan.max_dist - r);
  V before = reach * reach, d_before = -2.0 * reach;
  V now = x * before, d_now = x * d_before + slope * before;
  V f[functions], df[functions];
  if (Keep) kept[0] = before;
#pragma GCC unroll 16
  for (int mu = 0; mu < functions; mu++) {
    const V c = look_up(table + mu * plan.table_width, index, small);
    f[mu] = c * before;
    df[mu] = c * d_before;
  }
  for (int k = 1; k < plan.radial_basis_size; k++) {
    table += functions * plan.table_width;
    if (Keep) kept[k] = now;
#pragma GCC unroll 16
    for (int mu = 0; mu < functions; mu++) {
      const V c = look_up(table + mu * plan.table_width, index, small);
      f[mu] += c * now;
      df[mu] += c * d_now;
    }
    const V next = twice * now - before;
    const V d_next = twice * d_now + ((2.0 * slope) * now - d_before);
    before = now;
    d_before = d_now;
    now = next;
    d_now = d_next;
  }
#pragma GCC unroll 16
  for (int mu = 0; mu < functions; mu++) {
    out.f[mu] = f[mu];
    out.df[mu] = df[mu];
  }
}

// What one slot contributes to every shell: powers of x and y, and f_mu z^c for each channel.
template <int H>
struct Factors {
  V x[degree(H) + 1], y[degree(H) + 1], phi[channels(H, 0)];
};

template <int H>
SEI_INLINE void factorise(const Slot<H> &slot, Factors<H> &out) {
  constexpr int powers = degree(H), n = channels(H, 0);
  out.x[0] = out.y[0] = broadcast(1.0);
#pragma GCC unroll 16
  for (int k = 1; k <= powers; k++) {
    out.x[k] = out.x[k - 1] * slot.x;
    out.y[k] = out.y[k - 1] * slot.y;
  }
#pragma GCC unroll 32
  for (int q = 0; q < n; q++)
    out.phi[q] = q % 2 ? slot.f[q / 2] * slot.z : slot.f[q / 2];
}

template <int H, int G, int S = 0>
SEI_INLINE void add_shells(V *moments, const Factors<H> *slots) {
  constexpr int n = channels(H, S);
  V *m = moments + shell_offset(H, S);
#pragma GCC unroll 1
  for (int i = 0; i <= S; i++, m += n) {
    V monomial[G];
#pragma GCC unroll 4
    for (int g = 0; g < G; g++) monomial[g] = slots[g].x[S - i] * slots[g].y[i];
#pragma GCC unroll 32
    for (int q = 0; q < n; q++) {
      V sum = m[q];
#pragma GCC unroll 4
      for (int g = 0; g < G; g++) sum += slots[g].phi[q] * monomial[g];
      m[q] = sum;
    }
  }
  if constexpr (S < degree(H)) add_shells<H, G, S + 1>(moments, slots);
}

template <int H, int G>
SEI_INLINE void add_slots(V *moments, const Slot<H> *slots) {
  Factors<H> factors[G];
#pragma GCC unroll 4
  for (int g = 0; g < G; g++) factorise(slots[g], factors[g]);
  add_shells<H, G>(moments, factors);
}

SEI_INLINE V &at(double *x, std::uint32_t index) { return *(V *)(x + index); }

SEI_INLINE void add(const Linear &t, double *x, V &even, V &odd) {
  even += t.factor[0] * at(x, t.p[0]);
  odd += t.factor[1] * at(x, t.p[1]);
}

SEI_INLINE void add(const Product &t, double *x, V &even, V &odd) {
  const std::uint64_t a = t.pair[0], b = t.pair[1];
  even += at(x, (std::uint32_t)a) * at(x, a >> 32);
  odd += at(x, (std::uint32_t)b) * at(x, b >> 32);
}

template <class T>
SEI_INLINE void run(const Program<T> &program, double *x) {
  const T *t = program.pieces;
  const std::uint32_t *target = program.targets;
  for (const Run *r = program.begin; r != program.end; r++)
    for (int n = 0; n < r->nodes; n++) {
      V &node = at(x, *target++);
      V even = node, odd = V{};
      for (const T *end = t + r->pieces; t != end; t++) add(*t, x, even, odd);
      node = even + odd;
    }
}

SEI_INLINE void run(const Stage &stage, double *x) {
  for (const Copy *c = stage.copies.begin; c != stage.copies.end; c++)
    at(x, c->target) = c->factor * at(x, c->source);
  run(stage.products, x);
}

SEI_INLINE void run(const List<Stage> &stages, double *x) {
  for (const Stage *stage = stages.begin; stage != stages.end; stage++) run(*stage, x);
}

// From the summed moments in the nodes to the adjoints of all. The energy is a quadratic form in
// the values, up to products of more factors, which are values themselves: half of what the linear
// adjoints give, and the coefficients once more.
SEI_INLINE void contract(const PlanView &plan, double *x, double *energy) {
  V *value = (V *)x, *adjoint = value + plan.nodes;
  for (int n = plan.summed; n < plan.nodes; n++) value[n] = V{};
  value[plan.zero] = V{};
  for (const Expansion *e = plan.expansions.begin; e != plan.expansions.end; e++)
    at(x, e->target) = at(x, e->a) - at(x, e->b) - at(x, e->c);
  run(plan.multiply, x);
  for (int n = 0; n < plan.nodes; n++) adjoint[n] = broadcast(plan.constants[n]);
  run(plan.fold, x);
  if (energy) {
    V twice = V{};
    for (int n = 0; n < plan.nodes; n++) twice += value[n] * (adjoint[n] + plan.constants[n]);
    *(V *)energy = 0.5 * twice;
  }
  run(plan.differentiate, x);
  double *const a = (double *)adjoint;
  for (const Expansion *e = plan.expansions.end; e != plan.expansions.begin;) {
    e--;
    const V outer = at(a, e->target);
    at(a, e->a) += outer;
    at(a, e->b) -= outer;
    at(a, e->c) -= outer;
  }
}

// w[shell][i] = sum_q phi_q adjoint[q]: the polynomial in x and y whose gradient is wanted;
// p[q] = sum_(shell, i) adjoint[q] x^a y^b: the derivative by phi_q.
template <int H, int S = 0>
SEI_INLINE void collect_shells(const V *adjoint, const Factors<H> &slot, V *p, V *w) {
  constexpr int n = channels(H, S);
  const V *a = adjoint + shell_offset(H, S);
#pragma GCC unroll 1
  for (int i = 0; i <= S; i++, a += n) {
    const V monomial = slot.x[S - i] * slot.y[i];
    V sum = a[0] * slot.phi[0];
    p[0] += a[0] * monomial;
#pragma GCC unroll 32
    for (int q = 1; q < n; q++) {
      sum += a[q] * slot.phi[q];
      p[q] += a[q] * monomial;
    }
    w[S * (S + 1) / 2 + i] = sum;
  }
  if constexpr (S < degree(H)) collect_shells<H, S + 1>(adjoint, slot, p, w);
}

// Gradient by x and y of sum w[a + b][b] x^a y^b, by Horner's rule in both.
template <int D>
SEI_INLINE void gradient_xy(const V *w, V x, V y, V &gx, V &gy) {
  V total = w[D * (D + 1) / 2], total_dx = V{}, total_dy = V{};  // a = D
#pragma GCC unroll 16
  for (int a = D - 1; a >= 0; a--) {
    V value = w[D * (D + 1) / 2 + D - a], slope = V{};
#pragma GCC unroll 16
    for (int b = D - a - 1; b >= 0; b--) {
      slope = slope * y + value;
      value = value * y + w[(a + b) * (a + b + 1) / 2 + b];
    }
    total_dx = total_dx * x + total;
    total = total * x + value;
    total_dy = total_dy * x + slope;
  }
  gx = total_dx;
  gy = total_dy;
}

// What the derivatives by radial coefficients are made of is kept of each slot: dE / df_mu, after the
// polynomials that radial_part() left.
template <int H>
SEI_INLINE void keep_for_basis(const PlanView &plan, const Slot<H> &slot, const V *p, V *kept) {
  constexpr int functions = radial_functions(H);
  V *const out = kept + plan.radial_basis_size;
#pragma GCC unroll 16
  for (int mu = 0; mu < functions - 1; mu++)
    out[mu] = plan.scaling * (p[2 * mu] + slot.z * p[2 * mu + 1]);
  out[functions - 1] = plan.scaling * p[2 * functions - 2];
}

// Slots of a block with neighbours of a species: few in between are of others where lists are sorted.
struct Range {
  int begin, end;
};

SEI_INLINE Range slots_of(const Block &block, int species) {
  auto any = [&](int s) { return lanes_of(*(const I *)(block.species + s * width) == species) != 0; };
  Range found{0, block.slots};
  while (found.begin < found.end && !any(found.begin)) found.begin++;
  while (found.begin < found.end && !any(found.end - 1)) found.end--;
  return found;
}

// What a basis is made of for the neighbours of one species.
struct Kept {
  const Block &block;
  int species;
  Range range;
  const V *slots;  // [slot][polynomials, functions]
  int stride, polynomials;
};

// dE / d(coefficients of M functions from `mu` on, N polynomials from `k` on).
template <int M, int N>
SEI_INLINE void radial_derivatives(const Kept &kept, int mu, int k, double *out) {
  V sum[M][N] = {};
  const V *at = kept.slots + kept.range.begin * kept.stride;
  const int *species = kept.block.species + kept.range.begin * width;
  for (int s = kept.range.begin; s < kept.range.end; s++, at += kept.stride, species += width) {
    const L found = __builtin_convertvector(*(const I *)species, L);
    V own[M];
#pragma GCC unroll 3
    for (int m = 0; m < M; m++) own[m] = found == kept.species ? at[kept.polynomials + mu + m] : V{};
#pragma GCC unroll 8
    for (int n = 0; n < N; n++)
#pragma GCC unroll 3
      for (int m = 0; m < M; m++) sum[m][n] += own[m] * at[k + n];
  }
#pragma GCC unroll 3
  for (int m = 0; m < M; m++)
#pragma GCC unroll 8
    for (int n = 0; n < N; n++)
      *(V *)(out + ((mu + m) * kept.polynomials + k + n) * kept.block.basis_stride) = sum[m][n];
}

template <int M>
SEI_INLINE void radial_derivatives(const Kept &kept, int mu, double *out) {
  int k = 0;
  for (; k + 8 <= kept.polynomials; k += 8) radial_derivatives<M, 8>(kept, mu, k, out);
  for (; k + 4 <= kept.polynomials; k += 4) radial_derivatives<M, 4>(kept, mu, k, out);
  for (; k < kept.polynomials; k++) radial_derivatives<M, 1>(kept, mu, k, out);
}

// The derivatives of the energies by all parameters of the atoms of the block.
template <int H>
void write_basis(const PlanView &plan, const Block &block, V *node, const V *kept) {
  constexpr int functions = radial_functions(H), together = width == 8 ? 2 : 1;
  const int used = functions < plan.radial_funcs_count ? functions : plan.radial_funcs_count;
  const int size = plan.radial_basis_size, all = plan.radial_funcs_count * size;
  for (int n = plan.zero + 1; n < plan.copies; n++) node[n] = V{};
  run(plan.leaves, (double *)node);
  double *out = block.basis;
  for (const std::uint32_t *s = plan.scalars.begin; s != plan.scalars.end;
       s++, out += block.basis_stride)
    *(V *)out = at((double *)node, *s);
  *(V *)out = broadcast(1.0);
  out += block.basis_stride;
  for (int j = 0; j < plan.species; j++, out += all * block.basis_stride) {
    const Kept of{block, j, slots_of(block, j), kept, size + functions, size};
    int mu = 0;
    for (; mu + together <= used; mu += together) radial_derivatives<together>(of, mu, out);
    for (; mu < used; mu++) radial_derivatives<1>(of, mu, out);
    for (int n = used * size; n < all; n++) *(V *)(out + n * block.basis_stride) = V{};
  }
}

template <int H>
SEI_INLINE void backward_slot(const PlanView &plan, const V *adjoint, const Slot<H> &slot,
                              const Block &block, int index, V *kept) {
  constexpr int functions = radial_functions(H), degrees = degree(H), n = channels(H, 0);
  Factors<H> factors;
  factorise(slot, factors);
  V p[n], w[(degrees + 1) * (degrees + 2) / 2];
#pragma GCC unroll 32
  for (int q = 0; q < n; q++) p[q] = V{};
  collect_shells<H>(adjoint, factors, p, w);
  if (block.basis) keep_for_basis<H>(plan, slot, p, kept);
  V gx, gy, gz = V{}, radial = slot.df[functions - 1] * p[2 * functions - 2];
  gradient_xy<degrees>(w, slot.x, slot.y, gx, gy);
#pragma GCC unroll 16
  for (int mu = 0; mu < functions - 1; mu++) {
    gz += slot.f[mu] * p[2 * mu + 1];
    radial += slot.df[mu] * (p[2 * mu] + slot.z * p[2 * mu + 1]);
  }
  const V along = radial - (gx * slot.x + gy * slot.y + gz * slot.z) * slot.inverse;
  *(V *)(block.dx + index * width) = gx * slot.inverse + along * slot.x;
  *(V *)(block.dy + index * width) = gy * slot.inverse + along * slot.y;
  *(V *)(block.dz + index * width) = gz * slot.inverse + along * slot.z;
}

template <int H>
void evaluate_block(const PlanView &plan, const Block &block, void *memory) {
  V *node = (V *)memory;
  Slot<H> *slots = (Slot<H> *)(node + plan.all);
  const double *table = plan.radial + (long)block.central * plan.radial_basis_size *
                                          radial_functions(H) * plan.table_width;
  for (int n = 0; n < plan.summed; n++) node[n] = V{};
  V *const kept = (V *)(slots + block.slots);
  const int stride = radial_functions(H) + plan.radial_basis_size;
  int s = 0;
  if (block.basis)
    for (; s < block.slots; s++)
      radial_part<H, true>(plan, table, block, s, slots[s], kept + s * stride);
  for (; s < block.slots; s++) radial_part<H, false>(plan, table, block, s, slots[s], nullptr);
  s = 0;
  for (; s + 1 < block.slots; s += 2) add_slots<H, 2>(node, slots + s);
  if (s < block.slots) add_slots<H, 1>(node, slots + s);
  contract(plan, (double *)node, block.energy);
  if (block.energy) *(V *)block.energy += plan.species_coeffs[block.central];
  for (s = 0; s < block.slots; s++)
    backward_slot<H>(plan, node + plan.nodes, slots[s], block, s, kept + s * stride);
  if (block.basis) write_basis<H>(plan, block, node, kept);
}

template <int H>
long memory_of_block(const PlanView &plan, int slots) {
  const long basis = radial_functions(H) + plan.radial_basis_size;
  return (plan.all + slots * basis) * (long)sizeof(V) + slots * (long)sizeof(Slot<H>);
}

// The most floating-point operations this instruction set does, to measure kernels by.
double multiply_and_add(long rounds) {
  constexpr int chains = 12;
  V x[chains], factor = broadcast(0.999), offset = broadcast(1e-3);
#pragma GCC unroll 16
  for (int i = 0; i < chains; i++) x[i] = broadcast(i);
  for (long n = 0; n < rounds; n++) {
#pragma GCC unroll 16
    for (int i = 0; i < chains; i++) x[i] = x[i] * factor + offset;
    asm volatile("" : "+m"(rounds));  // or the loop would be thinned out
  }
  V sum = V{};
#pragma GCC unroll 16
  for (int i = 0; i < chains; i++) sum += x[i];
  double total = 0.0;
  for (int lane = 0; lane < width; lane++) total += sum[lane];
  return total > -1.0 ? 2.0 * chains * width * rounds : 0.0;
}

template <int... H>
void fill_kernels(Kernels &kernels, Levels<H...>) {
  kernels.grade = grade_atoms;
  kernels.peak = multiply_and_add;
  ((kernels.evaluate[H] = evaluate_block<H>, kernels.memory[H] = memory_of_block<H>), ...);
}

}  // namespace
