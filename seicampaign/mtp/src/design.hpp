// Derivatives of energy, forces and virial by the moment coefficients, which are linear in them.
#pragma once

#include "gradient.hpp"

namespace sei::mtp::training {

// Rows of `stride` numbers, one for each scalar and then zeros up to a multiple of eight.
struct DesignRows {
  double *energy, *forces, *virial;  // [1], [atoms][3], [6] rows
};

struct Design : Kernel {
  const int packs, stride;  // scalars are treated eight at a time
  Vecs by_basic, pack, slope;

  Design(const mtp_model &m, const mtp_configurations &d)
      : Kernel(m, d), packs((scalars + lanes - 1) / lanes), stride(packs * lanes) {
    by_basic.resize(static_cast<std::size_t>(packs) * basics);
    pack.resize(nodes);
    slope.resize(3 * static_cast<std::size_t>(basics));
  }

  SEI_INLINE void work(int c, const DesignRows &out) {
    load(c);
    const int first = data.first_atom[c], count = atoms(c);
    std::fill(out.energy, out.energy + stride, 0.0);
    std::fill(out.forces, out.forces + static_cast<std::size_t>(3) * count * stride, 0.0);
    std::fill(out.virial, out.virial + 6 * stride, 0.0);
    for (int start = 0; start < count; start += lanes) {
      const int end = std::min(count, start + lanes);
      vec *value = moments.data() + static_cast<std::size_t>(start / lanes) * nodes;
      for (int i = start; i < end; i++) sum_basic(data.species[first + i], i, value);
      multiply(value);
      for (int s = 0; s < scalars; s++) out.energy[s] += total(value[model.alpha_moment_mapping[s]]);
      for (int i = start; i < end; i++) {
        make_by_basic(value, i % lanes);
        spread(i, out);
      }
    }
  }

  // Derivatives of every scalar of an atom by its basic moments.
  SEI_INLINE void make_by_basic(const vec *value, int lane) {
    for (int g = 0; g < packs; g++) {
      std::fill(pack.begin(), pack.end(), vec{});
      for (int s = g * lanes; s < std::min(scalars, (g + 1) * lanes); s++)
        pack[model.alpha_moment_mapping[s]][s % lanes] = 1.0;
      const int *row = model.alpha_index_times + 4 * static_cast<std::ptrdiff_t>(rows);
      for (int t = 0; t < rows; t++) {
        row -= 4;
        const vec e = static_cast<double>(row[2]) * pack[row[3]];
        pack[row[0]] += e * value[row[1]][lane];
        pack[row[1]] += e * value[row[0]][lane];
      }
      for (int t = 0; t < basics; t++)
        by_basic[static_cast<std::size_t>(g) * basics + t] = pack[monomials.basic[t]];
    }
  }

  // Derivatives of the basic moments by the positions of a chunk of neighbours.
  SEI_INLINE void make_slope(const Chunk &k, const vec *f) {
    make_powers(k);
    for (int a = 0; a < 3; a++) {
      vec du[3];
      for (int b = 0; b < 3; b++) du[b] = ((a == b ? 1.0 : 0.0) - k.u[a] * k.u[b]) * k.inverse;
      make_power_tangents(k, du);
      for (int m = 0; m < monomials.count; m++)
        for (int t = monomials.first[m]; t < monomials.first[m + 1]; t++) {
          const int mu = monomials.mu[t];
          slope[3 * t + a] = f[functions + mu] * k.u[a] * powers[m] + f[mu] * power_tangents[m];
        }
    }
  }

  SEI_INLINE void spread(int i, const DesignRows &out) {
    for (std::size_t n = first_chunk[i]; n < first_chunk[i + 1]; n++) {
      const Chunk &k = chunks[n];
      make_slope(k, radial_of(n));
      for (int l = 0; l < k.size; l++)
        for (int g = 0; g < packs; g++) {
          vec d[3] = {vec{}, vec{}, vec{}};
          const vec *e = by_basic.data() + static_cast<std::size_t>(g) * basics;
          for (int t = 0; t < basics; t++)
            for (int a = 0; a < 3; a++) d[a] += e[t] * slope[3 * t + a][l];
          add(i, k.neighbor[l], data.vectors + 3 * (k.first + l), d, out, g);
        }
    }
  }

  SEI_INLINE void add(int i, int j, const double *x, const vec *d, const DesignRows &out,
                      int g) const {
    constexpr int first[6] = {0, 1, 2, 1, 0, 0}, second[6] = {0, 1, 2, 2, 2, 1};
    for (int l = 0; l < lanes; l++) {
      const int s = g * lanes + l;
      for (int a = 0; a < 3; a++) {
        out.forces[(3 * static_cast<std::size_t>(i) + a) * stride + s] += d[a][l];
        out.forces[(3 * static_cast<std::size_t>(j) + a) * stride + s] -= d[a][l];
      }
      for (int v = 0; v < 6; v++)
        out.virial[v * stride + s] += 0.5 * (x[first[v]] * d[second[v]][l] +
                                             x[second[v]] * d[first[v]][l]);
    }
  }
};

}  // namespace sei::mtp::training
