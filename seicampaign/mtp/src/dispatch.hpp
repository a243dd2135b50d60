// The kernels of each instruction set behind plain function pointers, and the choice among them.
#pragma once

#include "plan.hpp"

namespace sei::mtp {

// A block of `width` atoms of one species, one per lane, memory aligned to 64 bytes.
struct Block {
  int central;         // species of the atoms
  int slots;           // neighbours of the lane that has most
  double *dx, *dy, *dz;  // [slots][width] vectors to the neighbours; replaced by dE / d(vector)
  const int *species;    // [slots][width] of the neighbours
  double *energy;        // [width], or null where energies are not wanted
  double *basis;         // [basis_size][basis_stride] derivatives of the energy by parameters, or null
  int basis_stride;
};
// A lane with fewer neighbours is filled up with vectors of length max_dist, which add nothing.

// The matrices of an active set that grade atoms of one species, see grade.hpp. Each is stored with
// the inputs of one output together.
struct GradeView {
  int scalars, parameters;  // moment coefficients; own parameters of the species
  int exact;                // rows, the last of the species' own group, that `reduce` gives as well
  const double *reduce;     // [scalars + exact][scalars + parameters]
  int groups, own;          // of rows of the active set; the group of the species
  const int *ranks, *sizes;     // [groups]
  const float *const *spread;  // [groups] -> [size][rank]
  const float *direct;         // [size of own][parameters]
};

// Atoms graded at once: `grade_blocks` blocks. The basis of all is [tile][basis_size][block of the
// tile][width].
constexpr int tile_blocks = 3, grade_blocks = 2 * tile_blocks;

struct Kernels {
  const char *name;
  int width;
  void (*evaluate[max_half_level + 1])(const PlanView &, const Block &, void *memory);
  long (*memory[max_half_level + 1])(const PlanView &, int slots);
  double (*peak)(long rounds);  // multiplies and adds; gives the number of operations done
  // grades[grade_blocks][width]; memory for basis_size + exact vectors of as many floats
  void (*grade)(const GradeView &, const double *basis, double *grades, float *memory);
};

template <int...>
struct Levels {};
using AllLevels = Levels<1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14>;

// The best kernels this processor runs, or those named ("avx512", "avx2", "baseline"; the
// environment variable SEICAMPAIGN_ISA names them where `name` is null).
// Throws std::invalid_argument if there are none of that name.
const Kernels &kernels(const char *name = nullptr);

}  // namespace sei::mtp
