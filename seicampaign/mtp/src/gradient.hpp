// Energies, forces and virials of a data set, and the exact gradient of a loss over them.
//
// No Jacobian of forces is built. With the residuals of forces and virial fixed, their part of the
// gradient is the parameter gradient of one directional derivative of the energy: a tangent through
// moments and products, then one reverse sweep (a small multiple of the cost of the forces).
// Neighbours are processed eight at a time, products for eight atoms at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <new>
#include <vector>

#include "model.hpp"

#pragma GCC diagnostic ignored "-Wpsabi"
#pragma GCC diagnostic ignored "-Wignored-attributes"
#define SEI_INLINE inline __attribute__((always_inline))

extern "C" {
// Configurations one after another; an atom's neighbours are sorted by their species.
typedef struct {
  int count;
  const int *first_atom;               // [count + 1]
  const int *species;                  // [atoms]
  const std::int64_t *first_neighbor;  // [atoms + 1]
  const int *neighbors;                // [pairs]: index of the atom in its configuration
  const double *vectors;               // [pairs][3]: from the atom to the neighbour
  const double *energies;              // [count]
  const double *forces;                // [atoms][3]
  const double *virials;               // [count][6]: dE/dstrain, xx yy zz yz xz xy
  const double *weights;               // [count][4]: energy, forces, normal and shear virial
} mtp_configurations;

// What a potential says of a data set, in the shapes of the labels, and the loss of each.
typedef struct {
  double *losses, *energies, *forces, *virials;
} mtp_predictions;
}

namespace sei::mtp::training {

constexpr int lanes = 8;
typedef double vec __attribute__((vector_size(64), aligned(64)));

template <class T>
struct Aligned {
  typedef T value_type;
  Aligned() = default;
  template <class U>
  Aligned(const Aligned<U> &) {}
  T *allocate(std::size_t n) {
    return static_cast<T *>(::operator new(n * sizeof(T), std::align_val_t(64)));
  }
  void deallocate(T *p, std::size_t) { ::operator delete(p, std::align_val_t(64)); }
  bool operator==(const Aligned &) const { return true; }
  bool operator!=(const Aligned &) const { return false; }
};
using Vecs = std::vector<vec, Aligned<vec>>;

// The basic moments in the order in which they are summed: by monomial, each made of a shorter one.
struct Monomials {
  std::vector<int> parent, axis, first, mu, basic;
  int count = 0;

  explicit Monomials(const mtp_model &model) {
    std::map<std::array<int, 4>, int> index;  // degree first: parents come before children
    const int *row = model.alpha_index_basic;
    for (int b = 0; b < model.alpha_index_basic_count; b++, row += 4)
      for (std::array<int, 4> k{row[1] + row[2] + row[3], row[1], row[2], row[3]};; shorten(k)) {
        index[k] = 0;
        if (k[0] == 0) break;
      }
    for (auto &item : index) item.second = count++;
    std::vector<std::vector<int>> users(count);
    row = model.alpha_index_basic;
    for (int b = 0; b < model.alpha_index_basic_count; b++, row += 4)
      users[index[{row[1] + row[2] + row[3], row[1], row[2], row[3]}]].push_back(b);
    for (auto &[key, place] : index) {
      std::array<int, 4> k = key;
      axis.push_back(k[0] ? shorten(k) : 0);
      parent.push_back(index[k]);
      first.push_back(static_cast<int>(basic.size()));
      for (int b : users[place]) {
        basic.push_back(b);
        mu.push_back(model.alpha_index_basic[4 * b]);
      }
    }
    first.push_back(static_cast<int>(basic.size()));
  }

 private:
  static int shorten(std::array<int, 4> &k) {
    const int a = k[3] ? 3 : k[2] ? 2 : 1;
    k[a]--;
    k[0]--;
    return a - 1;
  }
};

// Eight neighbours of an atom, their radial functions, and what the forces leave for the gradient.
struct alignas(64) Chunk {
  vec u[3], r, inverse;
  int size, first_species, last_species, pad;
  std::int64_t first;
  int species[lanes], neighbor[lanes];
};

struct Kernel {
  const mtp_model &model;
  const mtp_configurations &data;
  const Monomials monomials;
  const int radial, functions, basics, nodes, rows, scalars, species;

  // Of one configuration: nodes of eight atoms at a time, chunks of neighbours, radial functions.
  Vecs moments, adjoints, tangents, seconds, radials;
  std::vector<Chunk> chunks;
  std::vector<std::size_t> first_chunk;
  std::vector<double> direction;
  // Of one group of configurations.
  Vecs radial_sums, moment_sums;
  std::vector<double> species_sums;
  // Of one chunk.
  Vecs powers, power_tangents, basic_sums, column, second_column, chebyshev, slopes, flow;

  Kernel(const mtp_model &m, const mtp_configurations &d)
      : model(m), data(d), monomials(m), radial(m.radial_basis_size),
        functions(m.radial_funcs_count), basics(m.alpha_index_basic_count),
        nodes(m.alpha_moments_count), rows(m.alpha_index_times_count),
        scalars(m.alpha_scalar_moments), species(m.species_count) {
    tangents.resize(nodes);
    seconds.resize(nodes);
    powers.resize(monomials.count);
    power_tangents.resize(monomials.count);
    basic_sums.resize(basics);
    column.resize(basics);
    second_column.resize(basics);
    chebyshev.resize(std::max(radial, 2));
    slopes.resize(std::max(radial, 2));
    flow.resize(2 * functions);
    radial_sums.resize(static_cast<std::size_t>(species) * species * functions * radial);
    moment_sums.resize(scalars);
    species_sums.resize(species);
  }

  int atoms(int c) const { return data.first_atom[c + 1] - data.first_atom[c]; }

  // Radial functions of a chunk in `radials`: values, slopes, then angular sums of the adjoints.
  vec *radial_of(std::size_t chunk) { return radials.data() + chunk * 3 * functions; }

  SEI_INLINE void make_chebyshev(const Chunk &k, vec *value, vec *slope) const {
    const double width = model.max_dist - model.min_dist, step = 2.0 / width;
    const vec s = (2.0 * k.r - (model.max_dist + model.min_dist)) / width;
    const vec left = model.max_dist - k.r;
    const vec smooth = model.scaling * left * left, fall = -2.0 * model.scaling * left;
    vec t0 = 1.0 - vec{}, t1 = s, d0 = vec{}, d1 = step - vec{};
    for (int n = 0; n < radial; n++) {
      value[n] = t0 * smooth;
      slope[n] = d0 * smooth + t0 * fall;
      const vec t2 = 2.0 * s * t1 - t0, d2 = 2.0 * (step * t1 + s * d1) - d0;
      t0 = t1, t1 = t2, d0 = d1, d1 = d2;
    }
  }

  static SEI_INLINE vec only(const Chunk &k, int z, const vec &x) {
    vec kept = x;
    if (k.first_species != k.last_species)
      for (int l = 0; l < lanes; l++)
        if (k.species[l] != z) kept[l] = 0.0;
    return kept;
  }

  SEI_INLINE void radial_functions(const Chunk &k, int center, vec *f) {
    make_chebyshev(k, chebyshev.data(), slopes.data());
    for (int mu = 0; mu < 2 * functions; mu++) f[mu] = vec{};
    for (int z = k.first_species; z <= k.last_species; z++) {
      const vec one = only(k, z, 1.0 - vec{});
      const double *c = model.radial_coeffs +
                        (static_cast<std::size_t>(center) * species + z) * functions * radial;
      for (int mu = 0; mu < functions; mu++) {
        vec value{}, slope{};
        for (int n = 0; n < radial; n++) {
          value += *c * chebyshev[n];
          slope += *c++ * slopes[n];
        }
        f[mu] += one * value;
        f[functions + mu] += one * slope;
      }
    }
  }

  void load(int c) {
    const int first = data.first_atom[c], count = atoms(c);
    chunks.clear();
    first_chunk.assign(1, 0);
    for (int i = first; i < first + count; i++) {
      for (std::int64_t p = data.first_neighbor[i]; p < data.first_neighbor[i + 1]; p += lanes)
        chunks.push_back(load_chunk(c, p, data.first_neighbor[i + 1]));
      first_chunk.push_back(chunks.size());
    }
    const std::size_t blocks = (count + lanes - 1) / lanes;
    moments.assign(blocks * nodes, vec{});
    adjoints.resize(blocks * nodes);
    radials.resize(chunks.size() * 3 * functions);
    direction.assign(3 * count, 0.0);
  }

  // Lanes without a neighbour are at the cutoff, where every radial function and slope is zero.
  Chunk load_chunk(int c, std::int64_t first, std::int64_t end) const {
    Chunk k{};
    k.first = first;
    k.size = static_cast<int>(std::min<std::int64_t>(lanes, end - first));
    for (int l = 0; l < lanes; l++) {
      const std::int64_t p = first + std::min(l, k.size - 1);
      const double *x = data.vectors + 3 * p;
      const double r = std::sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2]);
      const bool inside = l < k.size && r < model.max_dist;
      k.r[l] = inside ? r : model.max_dist;
      k.inverse[l] = 1.0 / r;
      for (int a = 0; a < 3; a++) k.u[a][l] = x[a] / r;
      k.neighbor[l] = data.neighbors[p];
      k.species[l] = data.species[data.first_atom[c] + data.neighbors[p]];
    }
    k.first_species = k.species[0];
    k.last_species = k.species[lanes - 1];
    return k;
  }

  SEI_INLINE void make_powers(const Chunk &k) {
    powers[0] = 1.0 - vec{};
    for (int m = 1; m < monomials.count; m++)
      powers[m] = powers[monomials.parent[m]] * k.u[monomials.axis[m]];
  }

  SEI_INLINE void make_power_tangents(const Chunk &k, const vec *du) {
    power_tangents[0] = vec{};
    for (int m = 1; m < monomials.count; m++) {
      const int a = monomials.axis[m], p = monomials.parent[m];
      power_tangents[m] = power_tangents[p] * k.u[a] + powers[p] * du[a];
    }
  }

  static SEI_INLINE double total(const vec &x) {
    return ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]));
  }

  SEI_INLINE void sum_basic(int center, int i, vec *node) {
    for (int b = 0; b < basics; b++) basic_sums[b] = vec{};
    for (std::size_t n = first_chunk[i]; n < first_chunk[i + 1]; n++) {
      vec *f = radial_of(n);
      radial_functions(chunks[n], center, f);
      make_powers(chunks[n]);
      for (int m = 0; m < monomials.count; m++)
        for (int t = monomials.first[m]; t < monomials.first[m + 1]; t++)
          basic_sums[t] += f[monomials.mu[t]] * powers[m];
    }
    for (int t = 0; t < basics; t++) node[monomials.basic[t]][i % lanes] = total(basic_sums[t]);
  }

  SEI_INLINE void multiply(vec *value) const {
    const int *row = model.alpha_index_times;
    for (int t = 0; t < rows; t++, row += 4)
      value[row[3]] += static_cast<double>(row[2]) * value[row[0]] * value[row[1]];
  }

  SEI_INLINE void back(const vec *value, vec *adjoint) const {
    const int *row = model.alpha_index_times + 4 * static_cast<std::ptrdiff_t>(rows);
    for (int t = 0; t < rows; t++) {
      row -= 4;
      const vec e = static_cast<double>(row[2]) * adjoint[row[3]];
      adjoint[row[0]] += e * value[row[1]];
      adjoint[row[1]] += e * value[row[0]];
    }
  }

  SEI_INLINE void load_column(const vec *node, int lane, Vecs &target) const {
    for (int t = 0; t < basics; t++)
      target[t] = node[monomials.basic[t]][lane] - vec{};
  }

  // Force on each neighbour of atom i from its energy; the angular sums stay for the gradient.
  SEI_INLINE void push(int i, double *forces, double *virial) {
    for (std::size_t n = first_chunk[i]; n < first_chunk[i + 1]; n++) {
      const Chunk &k = chunks[n];
      vec *f = radial_of(n), *sums = f + 2 * functions;
      vec slope[3];
      push_chunk(k, f, sums, slope);
      for (int l = 0; l < k.size; l++) {
        const double g[3] = {slope[0][l], slope[1][l], slope[2][l]};
        double *on_i = forces + 3 * i, *on_j = forces + 3 * k.neighbor[l];
        for (int a = 0; a < 3; a++) on_i[a] += g[a], on_j[a] -= g[a];
        const double *x = data.vectors + 3 * (k.first + l);
        virial[0] += x[0] * g[0], virial[1] += x[1] * g[1], virial[2] += x[2] * g[2];
        virial[3] += 0.5 * (x[1] * g[2] + x[2] * g[1]);
        virial[4] += 0.5 * (x[0] * g[2] + x[2] * g[0]);
        virial[5] += 0.5 * (x[0] * g[1] + x[1] * g[0]);
      }
    }
  }

  SEI_INLINE void push_chunk(const Chunk &k, const vec *f, vec *sums, vec *slope) {
    make_powers(k);
    for (int mu = 0; mu < functions; mu++) sums[mu] = vec{};
    for (int m = 0; m < monomials.count; m++) {
      vec angular{};
      for (int t = monomials.first[m]; t < monomials.first[m + 1]; t++) {
        sums[monomials.mu[t]] += column[t] * powers[m];
        angular += column[t] * f[monomials.mu[t]];
      }
      power_tangents[m] = angular;
    }
    vec g[3] = {vec{}, vec{}, vec{}}, along{};
    for (int m = monomials.count - 1; m > 0; m--) {
      const int a = monomials.axis[m], p = monomials.parent[m];
      g[a] += power_tangents[m] * powers[p];
      power_tangents[p] += power_tangents[m] * k.u[a];
    }
    for (int mu = 0; mu < functions; mu++) along += f[functions + mu] * sums[mu];
    along -= (g[0] * k.u[0] + g[1] * k.u[1] + g[2] * k.u[2]) * k.inverse;
    for (int a = 0; a < 3; a++) slope[a] = along * k.u[a] + g[a] * k.inverse;
  }

  SEI_INLINE void predict(int c, double &energy, double *forces, double *virial) {
    load(c);
    const int first = data.first_atom[c], count = atoms(c);
    energy = 0.0;
    std::fill(forces, forces + 3 * count, 0.0);
    std::fill(virial, virial + 6, 0.0);
    for (int start = 0; start < count; start += lanes) {
      const int end = std::min(count, start + lanes);
      vec *value = moments.data() + static_cast<std::size_t>(start / lanes) * nodes;
      vec *adjoint = adjoints.data() + static_cast<std::size_t>(start / lanes) * nodes;
      for (int i = start; i < end; i++) {
        sum_basic(data.species[first + i], i, value);
        energy += model.species_coeffs[data.species[first + i]];
      }
      multiply(value);
      std::fill(adjoint, adjoint + nodes, vec{});
      vec sum{};
      for (int s = 0; s < scalars; s++) {
        const int node = model.alpha_moment_mapping[s];
        sum += model.moment_coeffs[s] * value[node];
        adjoint[node] = model.moment_coeffs[s] - vec{};
      }
      energy += total(sum);
      back(value, adjoint);
      for (int i = start; i < end; i++) {
        load_column(adjoint, i % lanes, column);
        push(i, forces, virial);
      }
    }
  }

  // Loss of a configuration; `direction` and `strain` become the derivatives of the loss by what
  // forces and virial are made of: displacements and strain.
  SEI_INLINE double residuals(int c, double energy, const double *forces, const double *virial,
                              double &by_energy, double *strain) {
    const double *w = data.weights + 4 * c, *target = data.virials + 6 * c;
    const double *wanted = data.forces + 3 * static_cast<std::size_t>(data.first_atom[c]);
    const double de = energy - data.energies[c];
    double loss = w[0] * de * de;
    by_energy = 2.0 * w[0] * de;
    for (int x = 0; x < 3 * atoms(c); x++) {
      const double df = forces[x] - wanted[x];
      loss += w[1] * df * df;
      direction[x] = -2.0 * w[1] * df;
    }
    for (int v = 0; v < 6; v++) {
      const double weight = v < 3 ? w[2] : 2.0 * w[3], dv = virial[v] - target[v];
      loss += weight * dv * dv;
      strain[v] = weight * dv * (v < 3 ? 2.0 : 1.0);
    }
    return loss;
  }

  // Change of the unit vectors and of the distance of a chunk along the direction.
  SEI_INLINE void displace(const Chunk &k, int i, const double *s, vec *du, vec &dr) const {
    vec dx[3] = {vec{}, vec{}, vec{}};
    for (int l = 0; l < k.size; l++) {
      const double *x = data.vectors + 3 * (k.first + l);
      const double strained[3] = {s[0] * x[0] + s[5] * x[1] + s[4] * x[2],
                                  s[5] * x[0] + s[1] * x[1] + s[3] * x[2],
                                  s[4] * x[0] + s[3] * x[1] + s[2] * x[2]};
      for (int a = 0; a < 3; a++)
        dx[a][l] = direction[3 * k.neighbor[l] + a] - direction[3 * i + a] + strained[a];
    }
    dr = dx[0] * k.u[0] + dx[1] * k.u[1] + dx[2] * k.u[2];
    for (int a = 0; a < 3; a++) du[a] = (dx[a] - dr * k.u[a]) * k.inverse;
  }

  SEI_INLINE void sum_tangents(int i, const double *strain, vec *node) {
    for (int b = 0; b < basics; b++) basic_sums[b] = vec{};
    for (std::size_t n = first_chunk[i]; n < first_chunk[i + 1]; n++) {
      const Chunk &k = chunks[n];
      const vec *f = radial_of(n);
      vec du[3], dr;
      displace(k, i, strain, du, dr);
      make_powers(k);
      make_power_tangents(k, du);
      for (int mu = 0; mu < functions; mu++) flow[mu] = f[functions + mu] * dr;
      for (int m = 0; m < monomials.count; m++)
        for (int t = monomials.first[m]; t < monomials.first[m + 1]; t++) {
          const int mu = monomials.mu[t];
          basic_sums[t] += flow[mu] * powers[m] + f[mu] * power_tangents[m];
        }
    }
    for (int t = 0; t < basics; t++) node[monomials.basic[t]][i % lanes] = total(basic_sums[t]);
  }

  SEI_INLINE void multiply_tangents(const vec *value) {
    const int *row = model.alpha_index_times;
    for (int t = 0; t < rows; t++, row += 4)
      tangents[row[3]] += static_cast<double>(row[2]) * (tangents[row[0]] * value[row[1]] +
                                                         value[row[0]] * tangents[row[1]]);
  }

  SEI_INLINE void back_tangents(const vec *value, const vec *adjoint) {
    const int *row = model.alpha_index_times + 4 * static_cast<std::ptrdiff_t>(rows);
    for (int t = 0; t < rows; t++) {
      row -= 4;
      const double m = row[2];
      const vec e = m * adjoint[row[3]], h = m * seconds[row[3]];
      const vec left = tangents[row[0]], right = tangents[row[1]];
      seconds[row[0]] += h * value[row[1]] + e * right;
      seconds[row[1]] += h * value[row[0]] + e * left;
    }
  }

  SEI_INLINE void sum_radial(int i, int center, const double *strain) {
    for (std::size_t n = first_chunk[i]; n < first_chunk[i + 1]; n++) {
      const Chunk &k = chunks[n];
      const vec *sums = radial_of(n) + 2 * functions;
      vec du[3], dr;
      displace(k, i, strain, du, dr);
      make_powers(k);
      make_power_tangents(k, du);
      make_chebyshev(k, chebyshev.data(), slopes.data());
      for (int mu = 0; mu < functions; mu++) {
        flow[mu] = vec{};
        flow[functions + mu] = sums[mu] * dr;
      }
      for (int m = 0; m < monomials.count; m++)
        for (int t = monomials.first[m]; t < monomials.first[m + 1]; t++)
          flow[monomials.mu[t]] +=
              second_column[t] * powers[m] + column[t] * power_tangents[m];
      for (int z = k.first_species; z <= k.last_species; z++) add_radial(k, center, z);
    }
  }

  SEI_INLINE void add_radial(const Chunk &k, int center, int z) {
    vec *sum = radial_sums.data() +
               (static_cast<std::size_t>(center) * species + z) * functions * radial;
    for (int mu = 0; mu < functions; mu++) {
      const vec a = only(k, z, flow[mu]), b = only(k, z, flow[functions + mu]);
      for (int n = 0; n < radial; n++) *sum++ += a * chebyshev[n] + b * slopes[n];
    }
  }

  // Adds the gradient of (by_energy E + derivative of E along direction and strain).
  SEI_INLINE void differentiate(int c, double by_energy, const double *strain) {
    const int first = data.first_atom[c], count = atoms(c);
    for (int start = 0; start < count; start += lanes) {
      const int end = std::min(count, start + lanes);
      const vec *value = moments.data() + static_cast<std::size_t>(start / lanes) * nodes;
      const vec *adjoint = adjoints.data() + static_cast<std::size_t>(start / lanes) * nodes;
      std::fill(tangents.begin(), tangents.end(), vec{});
      std::fill(seconds.begin(), seconds.end(), vec{});
      for (int i = start; i < end; i++) {
        sum_tangents(i, strain, tangents.data());
        species_sums[data.species[first + i]] += by_energy;
      }
      multiply_tangents(value);
      for (int s = 0; s < scalars; s++) {
        const int node = model.alpha_moment_mapping[s];
        moment_sums[s] += by_energy * value[node] + tangents[node];
      }
      back_tangents(value, adjoint);
      for (int b = 0; b < basics; b++) seconds[b] += by_energy * adjoint[b];
      for (int i = start; i < end; i++) {
        load_column(adjoint, i % lanes, column);
        load_column(seconds.data(), i % lanes, second_column);
        sum_radial(i, data.species[first + i], strain);
      }
    }
  }

  void clear() {
    std::fill(radial_sums.begin(), radial_sums.end(), vec{});
    std::fill(moment_sums.begin(), moment_sums.end(), vec{});
    std::fill(species_sums.begin(), species_sums.end(), 0.0);
  }

  // Configurations [begin, end); their gradient is written unless there is no room for it.
  SEI_INLINE void work(int begin, int end, const mtp_predictions &out, double *gradient) {
    clear();
    for (int c = begin; c < end; c++) {
      double *forces = out.forces + 3 * static_cast<std::size_t>(data.first_atom[c]);
      double *virial = out.virials + 6 * static_cast<std::size_t>(c), by_energy, strain[6];
      predict(c, out.energies[c], forces, virial);
      out.losses[c] = residuals(c, out.energies[c], forces, virial, by_energy, strain);
      if (gradient) differentiate(c, by_energy, strain);
    }
    if (!gradient) return;
    for (const vec &sum : radial_sums) *gradient++ = total(sum);
    for (double sum : species_sums) *gradient++ = sum;
    for (const vec &sum : moment_sums) *gradient++ = total(sum);
  }
};

}  // namespace sei::mtp::training
