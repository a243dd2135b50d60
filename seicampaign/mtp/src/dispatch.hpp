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

// Coefficients worked out together: `rows` sums of inputs of the panel times numbers of matrices,
// which stand as they are read, [input][row]. A piece of inputs is added up and rounded by itself, so
// that errors stay small.
struct Piece {
  const float *matrix;
  int first, inputs;
};
struct Tile {
  const Piece *begin, *end;
  int row, rows;
  float tolerance;     // the largest of its rows
  float square, error;  // see may_matter(); square is 0 where nothing is known
};
constexpr int tile_rows(int width) { return width == 8 ? 8 : 4; }  // at most: sums stay in registers
constexpr int piece_inputs = 96;                                  // at most

// The matrices of an active set that grade atoms of one species, see grade.hpp. The inputs are the
// derivatives by the moment coefficients, by the own parameters of the species, and then the
// coefficients found so far.
struct GradeView {
  int scalars, parameters;  // moment coefficients; own parameters of a species
  int own, rows;            // where the own parameters stand in `exact`; coefficients of a grade
  const double *centre;     // [inputs] what is taken off them before they are rounded
  const float *range;       // [inputs] one over the deviations from it that the set knows
  const float *constants;   // [rows] coefficients of the centre
  const float *tolerance;   // [rows] error of single precision within the range
  List<Tile> tiles;         // each after those whose coefficients it reads
  const double *exact;      // [rows][rows]
};

// Atoms graded at once, a panel: `grade_blocks` blocks, whose basis is [basis_size][block][width].
constexpr int grade_blocks = 6;

struct Kernels {
  const char *name;
  int width;
  void (*evaluate[max_half_level + 1])(const PlanView &, const Block &, void *memory);
  long (*memory[max_half_level + 1])(const PlanView &, int slots);
  double (*peak)(long rounds);  // multiplies and adds; gives the number of operations done
  // grades[blocks][width] of lanes[block] atoms each; memory for basis_size + rows + tiles vectors of
  // grade_blocks * width floats, and for 5 rows + 8 integers
  void (*grade)(const GradeView &, const double *basis, int blocks, const int *lanes, double *grades,
                float *memory);
};

template <int...>
struct Levels {};
using AllLevels = Levels<1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14>;

// The best kernels this processor runs, or those named ("avx512", "avx2", "baseline"; the
// environment variable SEICAMPAIGN_ISA names them where `name` is null).
// Throws std::invalid_argument if there are none of that name.
const Kernels &kernels(const char *name = nullptr);

}  // namespace sei::mtp
