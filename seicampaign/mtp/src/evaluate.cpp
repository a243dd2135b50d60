// The C interface: evaluate configurations of atoms from anywhere.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <numeric>

#include "blocks.hpp"
#include "grade.hpp"
#include "neighbours.hpp"
#include "reader.hpp"

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
                    Workspace &work, const Results &results, double *basis = nullptr,
                    int basis_stride = 0) {
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
  work.run(species[atoms[0]], work.close(counts), true, basis, basis_stride);
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

struct Atoms {
  int count;
  const int *species;
  const double *positions, *cell;
  const int *pbc;
};

// Calls body(species, atoms, lanes, evaluate) for block after block, where evaluate(basis, stride)
// does the work.
template <class Body>
void for_blocks(const Plan &plan, const Kernels &kernels, const Atoms &atoms,
                const Results &results, Body body) {
  std::fill(results.forces, results.forces + 3 * atoms.count, 0.0);
  std::fill(results.virial, results.virial + 9, 0.0);
  const Neighbours list = find_neighbours(atoms.count, atoms.positions, atoms.cell, atoms.pbc,
                                          plan.view().max_dist);
  const std::vector<int> order = order_of(atoms.species, list, atoms.count);
  Workspace work(plan, kernels);
  for (int begin = 0; begin < atoms.count;) {
    const int *first = order.data() + begin, species = atoms.species[*first];
    int lanes = 1;
    while (begin + lanes < atoms.count && lanes < work.width() &&
           atoms.species[first[lanes]] == species)
      lanes++;
    body(species, first, lanes, [&](double *basis, int stride) {
      evaluate_lanes(list, atoms.species, first, lanes, work, results, basis, stride);
    });
    begin += lanes;
  }
}

}  // namespace

struct mtp_plan {
  mtp_plan(const mtp_model &model, const Kernels &chosen, Purpose purpose)
      : kernels(chosen), plan(model, chosen.width, purpose) {}
  const Kernels &kernels;
  Plan plan;
};

extern "C" {

// A plan that also gives the basis, which `mtp_basis` and `mtp_grades` need, is a slower one.
mtp_plan *mtp_plan_create(const mtp_model *model, const char *isa, int basis, char *error,
                          int size) {
  mtp_plan *plan = nullptr;
  guarded(error, size, [&] {
    plan = new mtp_plan(*model, kernels(isa), basis ? Purpose::basis : Purpose::forces);
  });
  return plan;
}

void mtp_plan_destroy(mtp_plan *plan) { delete plan; }

const char *mtp_plan_isa(const mtp_plan *plan) { return plan->kernels.name; }

// Floating-point operations (a fused multiply and add is two) of energies and forces: for each
// neighbour and, on top, for each atom. Idle lanes and filled-up sums are not counted.
void mtp_plan_operations(const mtp_plan *plan, double *per_neighbour, double *per_atom) {
  const PlanView &v = plan->plan.view();
  const int h = v.half_level, d = degree(h), f = radial_functions(h), monomials = (d + 1) * (d + 2) / 2;
  const double radial = 25 + v.radial_basis_size * (6 + 4 * f);
  const double forward = 2 * d + channels(h, 0) / 2 + monomials + 2 * v.summed;
  const double backward = forward + 2 * v.summed + 4 * monomials + 6 * f + 25;
  *per_neighbour = radial + forward + backward;
  *per_atom = plan->plan.operations();
}

// Does so many rounds of multiplying and adding and gives the number of operations.
double mtp_peak(const mtp_plan *plan, long rounds) { return plan->kernels.peak(rounds); }

// energies[atoms], forces[atoms][3], virial[3][3] = -sum r (dE/dr): trace / 3V is the pressure.
int mtp_evaluate(const mtp_plan *plan, int atoms, const int *species, const double *positions,
                 const double *cell, const int *pbc, double *energies, double *forces,
                 double *virial, char *error, int size) {
  return guarded(error, size, [&] {
    for_blocks(plan->plan, plan->kernels, {atoms, species, positions, cell, pbc},
               {energies, forces, virial},
               [](int, const int *, int, auto evaluate) { evaluate(nullptr, 0); });
  });
}

// Whether the text is a potential that LAMMPS would accept: 0, or 1 and the reason.
int mtp_check_file(const char *text, long count, char *error, int size) {
  return guarded(error, size, [&] {
    const File file(std::string(text, count));
    Plan(file.model(), 1);
  });
}

std::uint64_t mtp_fingerprint(const mtp_model *model) { return fingerprint(*model); }

// basis[atoms][basis_size]: derivatives of each atom's energy by the parameters it depends on.
int mtp_basis(const mtp_plan *plan, int atoms, const int *species, const double *positions,
              const double *cell, const int *pbc, double *energies, double *forces, double *virial,
              double *basis, char *error, int size) {
  return guarded(error, size, [&] {
    const PlanView &view = plan->plan.view();
    const int rows = basis_size(view, static_cast<int>(view.scalars.end - view.scalars.begin));
    const int width = plan->kernels.width;
    Aligned<double> memory;
    double *block = memory.need(static_cast<std::size_t>(rows) * width);
    for_blocks(plan->plan, plan->kernels, {atoms, species, positions, cell, pbc},
               {energies, forces, virial}, [&](int, const int *members, int lanes, auto evaluate) {
                 evaluate(block, width);
                 for (int lane = 0; lane < lanes; lane++)
                   for (int row = 0; row < rows; row++)
                     basis[static_cast<std::size_t>(members[lane]) * rows + row] =
                         block[row * width + lane];
               });
  });
}

struct mtp_active_set {
  mtp_active_set(const std::string &bytes, const mtp_model &model, int width)
      : set(bytes, model, width) {}
  ActiveSet set;
};

mtp_active_set *mtp_active_set_create(const char *bytes, long count, const mtp_model *model,
                                      const char *isa, char *error, int size) {
  mtp_active_set *set = nullptr;
  guarded(error, size, [&] {
    set = new mtp_active_set(std::string(bytes, count), *model, kernels(isa).width);
  });
  return set;
}

void mtp_active_set_destroy(mtp_active_set *set) { delete set; }

int mtp_grades(const mtp_plan *plan, const mtp_active_set *set, int atoms, const int *species,
               const double *positions, const double *cell, const int *pbc, double *energies,
               double *forces, double *virial, double *grades, char *error, int size) {
  return guarded(error, size, [&] {
    Grader grader(plan->plan, plan->kernels, set->set);
    for_blocks(plan->plan, plan->kernels, {atoms, species, positions, cell, pbc},
               {energies, forces, virial},
               [&](int kind, const int *members, int lanes, auto evaluate) {
                 double *basis = grader.next(kind, members, lanes, grades);
                 evaluate(basis, grader.stride());
               });
    grader.finish(grades);
  });
}

}  // extern "C"
