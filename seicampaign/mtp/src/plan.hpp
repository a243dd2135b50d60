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

// node[target] = constant + sum factor node[p] + sum factor node[p] node[q]: linear terms first.
struct Node {
  double constant;
  std::uint32_t target, linear, products;
};
struct Term {
  double factor;
  std::uint32_t p, q;
};
struct Program {
  const Node *nodes;
  const Term *terms;
  int count;
};

struct PlanView {
  int half_level, species, radial_basis_size;
  int nodes;        // values are nodes [0, nodes), their adjoints [nodes, 2 nodes)
  int energy_node;  // target of the energy program, behind the adjoints
  double min_dist, max_dist;
  const double *radial;  // [central][k][mu][table_width]: by neighbour species, scaling included
  int table_width;       // species, rounded up to a multiple of 8
  const double *species_coeffs;
  Program forward, energy, backward;
};

class Plan {
 public:
  explicit Plan(const mtp_model &model);  // throws std::invalid_argument
  Plan(const Plan &) = delete;
  Plan &operator=(const Plan &) = delete;
  const PlanView &view() const { return view_; }

 private:
  struct Code {
    std::vector<Node> nodes;
    std::vector<Term> terms;
    Program program() const {
      return {nodes.data(), terms.data(), static_cast<int>(nodes.size())};
    }
  };
  friend class Compiler;

  PlanView view_{};
  std::vector<double> radial_, species_coeffs_;
  Code forward_, energy_, backward_;
};

}  // namespace sei::mtp
