// Extrapolation grades of neighbourhoods against an active set (MaxVol).
//
// The derivatives b of an atom's energy by all parameters are c A, where the rows of A are those of
// the atoms of the active set; the grade is max |c| (E. V. Podryabinkin, A. V. Shapeev, Comput.
// Mater. Sci. 140, 171 (2017), neighbourhood by neighbourhood as in I. S. Novikov et al., Mach.
// Learn.: Sci. Technol. 2, 025002 (2021)). The largest coefficient is all that is asked for, so the
// many are computed in single precision, cheaply, and in double only those that may be the largest.
//
// An atom of species t depends on the moment coefficients (m of them) and on d parameters of its own
// species, so A is sparse in blocks. Of the rows of A that have parameters of a species g, d are
// chosen whose part in them, O_K, is well conditioned, and r_g are left over, m for all species
// together. All of them must cancel there but for the atom's own derivatives,
//     c_J O_J + c_K O_K = d where g is t, 0 elsewhere,
// so c_K follows from c_J, and only c_J, m numbers, from b A^-1:
//     c_J = b A^-1_J,  c_K = (d O_K^-1 where g is t) - c_J O_J O_K^-1
// which is less than half of the arithmetic of b A^-1. All this is done with deviations from the
// mean of the set's own rows of that species. Python (grade.py) chooses the rows, and estimates from
// the set how much single precision loses; where a coefficient in double precision differs by more,
// the whole block of atoms is done again in double.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "blocks.hpp"

namespace sei::mtp {

// The matrices of an active set, from the file that grade.py writes.
class ActiveSet {
 public:
  // For kernels of this width. Throws std::invalid_argument if it is broken or of another potential.
  ActiveSet(const std::string &bytes, const mtp_model &model, int width);
  ActiveSet(const ActiveSet &) = delete;
  ActiveSet &operator=(const ActiveSet &) = delete;
  const GradeView &of(int species) const { return species_[species].view; }
  int width() const { return width_; }
  int scalars() const { return scalars_; }
  int rows() const { return rows_; }

 private:
  struct Source;
  struct Species {
    std::vector<float> range, constants, tolerance;
    std::vector<std::vector<Piece>> pieces;  // of each tile
    std::vector<Tile> tiles;
    GradeView view;
  };
  void set_up(int species, const double *own_numbers, const std::vector<const double *> &spread);
  void add_tiles(Species &of, int row, int count, const std::vector<Source> &sources);
  const float *pack(const Source &source, int count, int tiles);
  void bound_tiles(Species &of, std::size_t first, int row, const Source &source) const;

  int width_, scalars_ = 0, own_ = 0, rows_ = 0;
  std::vector<int> ranks_;
  std::vector<double> numbers_;
  std::map<const double *, std::vector<float>> packed_;
  std::vector<Species> species_;
};

// What the coefficients and tables of a potential amount to: FNV-1a, 64 bits, over their bytes.
std::uint64_t fingerprint(const mtp_model &model);

// Collects blocks of one species and grades a panel of them at a time.
class Grader {
 public:
  // All of the same instruction set, or std::invalid_argument is thrown.
  Grader(const Plan &plan, const Kernels &kernels, const ActiveSet &set);

  // Where the next block of atoms of this species shall write its basis. Grades what is collected
  // first if the species is another one or the panel is full.
  double *next(int species, const int *atoms, int lanes, double *grades);
  int stride() const { return grade_blocks * kernels_.width; }
  void finish(double *grades);  // of what is collected

 private:
  const Kernels &kernels_;
  const ActiveSet &set_;
  int species_ = -1, blocks_ = 0, lanes_[grade_blocks] = {};
  std::vector<int> atoms_;  // -1 in idle lanes
  Aligned<double> basis_, grades_;
  Aligned<float> memory_;
};

}  // namespace sei::mtp
