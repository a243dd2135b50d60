// Extrapolation grades of neighbourhoods against an active set (MaxVol).
//
// The derivatives b of an atom's energy by all parameters are c A, where the rows of A are those of
// the atoms of the active set; the grade is max |c| (E. V. Podryabinkin, A. V. Shapeev, Comput.
// Mater. Sci. 140, 171 (2017), neighbourhood by neighbourhood as in I. S. Novikov et al., Mach.
// Learn.: Sci. Technol. 2, 025002 (2021)). An atom of species t depends on the moment coefficients
// (m of them) and on d parameters of its own species, so A is sparse in blocks: the rows of another
// species must cancel in that species' own columns, which leaves them few degrees of freedom, as
// many for all species together as there are moment coefficients. Python (grade.py) works out
//     z = (m, d) R_t,  c_g = z_g N_g (+ d D_t where g is the group of t)
// which is the same as b A^-1 at less than half of the arithmetic. z is where large numbers cancel;
// the rows of N are orthonormal, so the rest is done in single precision. Not so the rows of the own
// group where large terms of d D cancel: they come straight from b A^-1, with z.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "blocks.hpp"

namespace sei::mtp {

// The matrices of an active set, from the file that grade.py writes.
class ActiveSet {
 public:
  // Throws std::invalid_argument if it is broken or of another potential.
  ActiveSet(const std::string &bytes, const mtp_model &model);
  const GradeView &of(int species) const { return views_[species]; }
  int scalars() const { return scalars_; }
  int most_exact() const { return *std::max_element(exact_.begin(), exact_.end()); }

 private:
  int scalars_ = 0;
  std::vector<int> sizes_, ranks_, exact_;
  std::vector<double> reduce_;
  std::vector<float> leaves_;
  std::vector<const float *> spread_;
  std::vector<GradeView> views_;
};

// What the coefficients and tables of a potential amount to: FNV-1a, 64 bits, over their bytes.
std::uint64_t fingerprint(const mtp_model &model);

// Collects blocks of one species and grades a panel of them at a time.
class Grader {
 public:
  Grader(const Plan &plan, const Kernels &kernels, const ActiveSet &set);

  // Where the next block of atoms of this species shall write its basis. Grades what is collected
  // first if the species is another one or the panel is full.
  double *next(int species, const int *atoms, int lanes, double *grades);
  int stride() const { return tile_blocks * kernels_.width; }
  void finish(double *grades);  // of what is collected

 private:
  const Kernels &kernels_;
  const ActiveSet &set_;
  int species_ = -1, blocks_ = 0, size_;
  std::vector<int> atoms_;  // -1 in idle lanes
  Aligned<double> basis_, grades_;
  Aligned<float> memory_;
};

}  // namespace sei::mtp
