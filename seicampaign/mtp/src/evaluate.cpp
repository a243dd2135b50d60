// The C interface: evaluate configurations of atoms from anywhere.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <numeric>

#include "blocks.hpp"
#include "neighbours.hpp"

using namespace sei::mtp;

namespace {

// Runs the body; an exception becomes a message and a nonzero status.
template <class Body>
int guarded(char *error, int size, Body body) {
  try {
    body();
    return 0;
  } catch (const std::exception &problem) {
    std::snprintf(error, size, "%s", problem.what());
  } catch (...) {
    std::snprintf(error, size, "unknown error");
  }
  return 1;
}

struct Results {
  double *energies, *forces, *virial;
};

// Atoms by species, then by number of neighbours, so that lanes of a block are filled alike.
std::vector<int> order_of(const int *species, const Neighbours &list, int atoms) {
  std::vector<int> order(atoms);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    if (species[a] != species[b]) return species[a] < species[b];
    return list.first[a + 1] - list.first[a] < list.first[b + 1] - list.first[b];
  });
  return order;
}

void evaluate_lanes(const Neighbours &list, const int *species, const int *atoms, int lanes,
                    Workspace &work, const Results &results) {
  const int w = work.width();
  int counts[16] = {}, most = 0;
  for (int lane = 0; lane < lanes; lane++) {
    counts[lane] = list.first[atoms[lane] + 1] - list.first[atoms[lane]];
    most = std::max(most, counts[lane]);
  }
  work.reserve(most);
  for (int lane = 0; lane < lanes; lane++) {
    const int begin = list.first[atoms[lane]];
    for (int s = 0; s < counts[lane]; s++) {
      const int at = s * w + lane;
      work.dx[at] = list.vector[3 * (begin + s)];
      work.dy[at] = list.vector[3 * (begin + s) + 1];
      work.dz[at] = list.vector[3 * (begin + s) + 2];
      work.species[at] = species[list.index[begin + s]];
    }
  }
  work.run(species[atoms[0]], work.close(counts), true);
  for (int lane = 0; lane < lanes; lane++) {
    const int i = atoms[lane], begin = list.first[i];
    results.energies[i] = work.energy[lane];
    for (int s = 0; s < counts[lane]; s++) {
      const int at = s * w + lane, j = list.index[begin + s];
      const double g[3] = {work.dx[at], work.dy[at], work.dz[at]};
      for (int k = 0; k < 3; k++) {
        results.forces[3 * i + k] += g[k];
        results.forces[3 * j + k] -= g[k];
        for (int l = 0; l < 3; l++)
          results.virial[3 * k + l] -= list.vector[3 * (begin + s) + k] * g[l];
      }
    }
  }
}

}  // namespace

struct mtp_plan {
  mtp_plan(const mtp_model &model, const Kernels &chosen)
      : kernels(chosen), plan(model, chosen.width) {}
  const Kernels &kernels;
  Plan plan;
};

extern "C" {

mtp_plan *mtp_plan_create(const mtp_model *model, const char *isa, char *error, int size) {
  mtp_plan *plan = nullptr;
  guarded(error, size, [&] { plan = new mtp_plan(*model, kernels(isa)); });
  return plan;
}

void mtp_plan_destroy(mtp_plan *plan) { delete plan; }

const char *mtp_plan_isa(const mtp_plan *plan) { return plan->kernels.name; }

// energies[atoms], forces[atoms][3], virial[3][3] = -sum r (dE/dr): trace / 3V is the pressure.
int mtp_evaluate(const mtp_plan *plan, int atoms, const int *species, const double *positions,
                 const double *cell, const int *pbc, double *energies, double *forces,
                 double *virial, char *error, int size) {
  return guarded(error, size, [&] {
    std::fill(forces, forces + 3 * atoms, 0.0);
    std::fill(virial, virial + 9, 0.0);
    const Neighbours list =
        find_neighbours(atoms, positions, cell, pbc, plan->plan.view().max_dist);
    const std::vector<int> order = order_of(species, list, atoms);
    Workspace work(plan->plan, plan->kernels);
    for (int begin = 0; begin < atoms;) {
      int end = begin + 1;
      while (end < atoms && end - begin < work.width() &&
             species[order[end]] == species[order[begin]])
        end++;
      evaluate_lanes(list, species, order.data() + begin, end - begin, work,
                     {energies, forces, virial});
      begin = end;
    }
  });
}

}  // extern "C"
