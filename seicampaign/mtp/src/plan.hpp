// A potential compiled for evaluation: what the kernels read. No instruction set appears here.
//
// The contraction tables of a .mtp file are rewritten once, exactly, into a shorter program:
//  * u is a unit vector, so z^2 = 1 - x^2 - y^2: of the basic moments of one radial function only
//    those with at most one z are summed over neighbours, the others follow per atom.
//  * products that are equal are computed once; those that nothing needs are dropped.
//  * a scalar that is no factor of another product is never formed: its coefficient goes into the
//    products that make it up, so energy is a quadratic form there and its gradient is linear.
#pragma once

#include <cstdint>
#include <vector>

#include "model.hpp"

namespace sei::mtp {

// The basic moments a kernel of half level H sums: f_mu x^a y^b z^c, c in {0, 1}, a + b = s, with
// q = 2 mu + c running over the n(H, s) channels of the shell s. Level 2H of MLIP-2 needs exactly
// degree(H) - 2 mu as the highest degree of the radial function mu.
constexpr int max_half_level = 14;
constexpr int degree(int h) { return h > 2 ? h - 2 : 0; }
constexpr int radial_functions(int h) { return (h - 1) / 2 + 1; }
constexpr int channels(int h, int s) {
  return s == 0 ? 2 * radial_functions(h) - 1 : degree(h) - s + 1;
}
constexpr int shell_offset(int h, int s) {
  int offset = 0;
  for (int t = 0; t < s; t++) offset += (t + 1) * channels(h, t);
  return offset;
}
constexpr int summed_moments(int h) { return shell_offset(h, degree(h) + 1); }

// Programs over the nodes of a block, x. Indices count doubles: those of nodes times the width of the
// kernel. The sums of a program are filled up with the node `zero` to whole pieces and stand in runs
// of equally many pieces, because a processor that mispredicts the length of each sum loses more
// time than the arithmetic takes. Two indices share one load for the like reason.
struct Expansion {  // x[target] = x[a] - x[b] - x[c]
  std::uint32_t target, a, b, c;
};
struct Copy {  // x[target] = factor x[source]
  double factor;
  std::uint32_t target, source;
};
struct Linear {  // sum factor x[p]
  static constexpr int size = 2;
  double factor[size];
  std::uint32_t p[size];
};
struct Product {  // sum x[p] x[q]
  static constexpr int size = 2;
  std::uint64_t pair[size];  // p, and q in the upper half
};
struct Run {
  int nodes, pieces;  // of each node
};
template <class T>
struct Program {  // x[target] += the pieces of each node
  const T *pieces;
  const std::uint32_t *targets;
  const Run *begin, *end;
};
template <class T>
struct List {
  const T *begin, *end;
};
struct Stage {  // what follows from the stages before: first the copies, then the products
  List<Copy> copies;
  Program<Product> products;
};

struct PlanView {
  int half_level, species, radial_basis_size;
  int nodes, summed;        // values are nodes [0, nodes), their adjoints [nodes, 2 nodes)
  int zero, copies, all;    // the node that is zero, before the leaves; the first copy; how many
  const double *constants;  // [nodes]: what adjoints start from
  double min_dist, max_dist;
  const double *radial;  // [central][k][mu][table_width]: by neighbour species, scaling included
  int table_width;       // species, rounded up to a multiple of 8
  const double *species_coeffs;
  List<Expansion> expansions;
  Program<Linear> fold;  // into the adjoints
  List<Stage> multiply, differentiate;
  Stage leaves;                 // scalars that no other product needs, in a plan for the basis
  List<std::uint32_t> scalars;  // the node of each, in such a plan
  int radial_funcs_count;       // of the file
  double scaling;
};

// Parameters an atom's energy depends on: coefficients of the scalars, of its own species, and of
// its radial functions [neighbour species][function][polynomial], in this order.
inline int basis_size(const PlanView &plan, int scalars) {
  return scalars + 1 + plan.species * plan.radial_funcs_count * plan.radial_basis_size;
}

// What a plan is for: forces alone, or, where a block asks for it, the basis as well.
enum class Purpose { forces, basis };

class Plan {
 public:
  // For kernels of this width. Throws std::invalid_argument.
  Plan(const mtp_model &model, int width, Purpose purpose = Purpose::forces);
  Plan(const Plan &) = delete;
  Plan &operator=(const Plan &) = delete;
  const PlanView &view() const { return view_; }
  double operations() const { return operations_; }  // floating-point, of one atom's products

 private:
  friend class Compiler;
  template <class T>
  struct Code {
    std::vector<T> pieces;
    std::vector<std::uint32_t> targets;
    std::vector<Run> runs;
    Program<T> program() const {
      return {pieces.data(), targets.data(), runs.data(), runs.data() + runs.size()};
    }
  };

  PlanView view_{};
  double operations_ = 0.0;
  std::vector<double> radial_, species_coeffs_, constants_;
  std::vector<Expansion> expansions_;
  Code<Linear> fold_;
  struct StageCode {
    std::vector<Copy> copies;
    Code<Product> products;
  };
  std::vector<StageCode> multiply_code_, differentiate_code_;
  StageCode leaves_code_;
  std::vector<Stage> multiply_, differentiate_;
  std::vector<std::uint32_t> scalars_;
};

}  // namespace sei::mtp
