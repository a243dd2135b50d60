#include "plan.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>
#include <string>
#include <tuple>

namespace sei::mtp {

namespace {

[[noreturn]] void refuse(const std::string &what) { throw std::invalid_argument(what); }

using Pair = std::pair<int, int>;
using Products = std::map<Pair, double>;
using Monomial = std::array<int, 4>;  // mu, x, y, z

double *aligned(double *p) {
  return reinterpret_cast<double *>((reinterpret_cast<std::uintptr_t>(p) + 63) / 64 * 64);
}

int half_level_of(const mtp_model &model) {
  int h = 1;
  for (int i = 0; i < model.alpha_index_basic_count; i++) {
    const int *m = model.alpha_index_basic + 4 * i;
    const int order = m[1] + m[2] + m[3];
    if (m[0] < 0 || m[1] < 0 || m[2] < 0 || m[3] < 0) refuse("negative number in alpha_index_basic");
    if (m[0] >= model.radial_funcs_count) refuse("alpha_index_basic names a radial function too many");
    auto holds = [&](int level) {
      return order == 0 ? m[0] < radial_functions(level) : order <= degree(level) - 2 * m[0];
    };
    while (h <= max_half_level && !holds(h)) h++;
    if (h > max_half_level)
      refuse("a basic moment of radial function " + std::to_string(m[0]) + " and rank " +
             std::to_string(order) + " is beyond level 28, the highest supported");
  }
  return h;
}

}  // namespace

// Rewrites the tables of a model; see the head of plan.hpp.
class Compiler {
 public:
  Compiler(const mtp_model &model, Plan &plan) : model_(model), plan_(plan) {
    half_level_ = half_level_of(model);
    values_.resize(summed_moments(half_level_));
    collect_moments();
    collect_coefficients();
    fold_leaves();
    number_nodes();
    emit();
  }

  int half_level() const { return half_level_; }
  int nodes() const { return nodes_; }

 private:
  struct Value {
    Products products;           // value = sum factor * value[l] * value[r]
    std::vector<int> expansion;  // or value[0] - value[1] - value[2]
    double coefficient = 0.0;    // of the energy
    int depth = 0, number = -1;
    bool live = false, factor = false;
  };

  static int index_of_summed(int h, const Monomial &m) {
    const int s = m[1] + m[2], q = 2 * m[0] + m[3];
    return shell_offset(h, s) + m[2] * channels(h, s) + q;
  }

  int moment(const Monomial &m) {
    if (m[3] <= 1) return index_of_summed(half_level_, m);
    if (auto known = expanded_.find(m); known != expanded_.end()) return known->second;
    Value value;
    value.expansion = {moment({m[0], m[1], m[2], m[3] - 2}),
                       moment({m[0], m[1] + 2, m[2], m[3] - 2}),
                       moment({m[0], m[1], m[2] + 2, m[3] - 2})};
    for (int source : value.expansion) value.depth = std::max(value.depth, values_[source].depth + 1);
    return expanded_[m] = add(std::move(value));
  }

  int add(Value value) {
    values_.push_back(std::move(value));
    return static_cast<int>(values_.size()) - 1;
  }

  void collect_moments() {
    const int basics = model_.alpha_index_basic_count, moments = model_.alpha_moments_count;
    if (basics < 1 || basics > moments) refuse("alpha_index_basic_count does not fit");
    id_.assign(moments, -1);
    for (int i = 0; i < basics; i++) {
      const int *m = model_.alpha_index_basic + 4 * i;
      id_[i] = moment({m[0], m[1], m[2], m[3]});
    }
    std::vector<Products> written(moments);
    std::vector<int> order, last(moments, -1);
    for (int i = 0; i < model_.alpha_index_times_count; i++) {
      const int target = model_.alpha_index_times[4 * i + 3];
      if (target < basics || target >= moments) refuse("alpha_index_times writes to no such moment");
      if (last[target] < 0) order.push_back(target);
      last[target] = i;
    }
    // a moment must be complete before it is read, so the order of last writes is an order of use
    std::sort(order.begin(), order.end(), [&](int a, int b) { return last[a] < last[b]; });
    std::vector<std::vector<int>> rows(moments);
    for (int i = 0; i < model_.alpha_index_times_count; i++)
      rows[model_.alpha_index_times[4 * i + 3]].push_back(i);
    for (int target : order) {
      Products products;
      for (int row : rows[target]) add_product(products, row, last);
      id_[target] = intern(std::move(products));
    }
  }

  void add_product(Products &products, int row, const std::vector<int> &last) {
    const int *t = model_.alpha_index_times + 4 * row;
    for (int side : {t[0], t[1]}) {
      if (side < 0 || side >= model_.alpha_moments_count)
        refuse("alpha_index_times reads no such moment");
      if (last[side] >= row) refuse("alpha_index_times reads a moment before it is complete");
    }
    const int l = id_[t[0]], r = id_[t[1]];
    if (l >= 0 && r >= 0) products[{std::min(l, r), std::max(l, r)}] += t[2];
  }

  int intern(Products products) {
    if (products.empty()) return -1;  // always zero
    if (auto known = interned_.find(products); known != interned_.end()) return known->second;
    Value value;
    for (const auto &[pair, factor] : products)
      value.depth = std::max({value.depth, values_[pair.first].depth + 1,
                              values_[pair.second].depth + 1});
    value.products = products;
    return interned_[std::move(products)] = add(std::move(value));
  }

  void collect_coefficients() {
    for (int i = 0; i < model_.alpha_scalar_moments; i++) {
      const int scalar = model_.alpha_moment_mapping[i];
      if (scalar < 0 || scalar >= model_.alpha_moments_count)
        refuse("alpha_moment_mapping names no such moment");
      if (id_[scalar] >= 0) values_[id_[scalar]].coefficient += model_.moment_coeffs[i];
    }
  }

  void fold_leaves() {
    for (auto value = values_.rbegin(); value != values_.rend(); ++value) {
      value->live = value->live || value->coefficient != 0.0;
      if (!value->live) continue;
      for (int source : value->expansion) values_[source].live = values_[source].factor = true;
      for (const auto &[pair, factor] : value->products)
        for (int side : {pair.first, pair.second}) values_[side].live = values_[side].factor = true;
    }
    for (Value &value : values_) {
      if (!value.live || value.factor || value.products.empty()) continue;
      for (const auto &[pair, factor] : value.products)
        form_[pair] += value.coefficient * factor;
      value.live = false;
    }
  }

  void number_nodes() {
    const int summed = summed_moments(half_level_);
    for (int i = 0; i < static_cast<int>(values_.size()); i++)
      if (i < summed || values_[i].live) {
        values_[i].number = nodes_++;
        live_.push_back(i);
      }
  }

  void emit() {
    struct Draft {
      int target, depth;
      double constant;
      std::vector<Term> linear, products;
    };
    auto write = [](std::vector<Draft> &drafts, Plan::Code &code) {
      std::stable_sort(drafts.begin(), drafts.end(), [](const Draft &a, const Draft &b) {
        return std::make_tuple(a.depth, a.products.size(), a.linear.size()) <
               std::make_tuple(b.depth, b.products.size(), b.linear.size());
      });
      for (const Draft &d : drafts) {
        code.nodes.push_back({d.constant, static_cast<std::uint32_t>(d.target),
                              static_cast<std::uint32_t>(d.linear.size()),
                              static_cast<std::uint32_t>(d.products.size())});
        code.terms.insert(code.terms.end(), d.linear.begin(), d.linear.end());
        code.terms.insert(code.terms.end(), d.products.begin(), d.products.end());
      }
    };
    auto number = [&](int value) { return static_cast<std::uint32_t>(values_[value].number); };
    const auto shift = static_cast<std::uint32_t>(nodes_);

    std::vector<Draft> forward, backward(nodes_), energy(1);
    energy[0] = {2 * nodes_, 0, 0.0, {}, {}};
    for (int i : live_) {
      const Value &value = values_[i];
      Draft &adjoint = backward[value.number];
      adjoint.target = value.number + nodes_;
      adjoint.depth = -value.depth;
      adjoint.constant = value.coefficient;
      if (value.coefficient != 0.0) energy[0].linear.push_back({value.coefficient, number(i), 0});
    }
    for (int i : live_) {
      const Value &value = values_[i];
      if (value.expansion.empty() && value.products.empty()) continue;
      Draft draft{value.number, value.depth, 0.0, {}, {}};
      for (std::size_t k = 0; k < value.expansion.size(); k++) {
        const double sign = k == 0 ? 1.0 : -1.0;
        const int source = value.expansion[k];
        draft.linear.push_back({sign, number(source), 0});
        backward[number(source)].linear.push_back({sign, number(i) + shift, 0});
      }
      for (const auto &[pair, factor] : value.products) {
        const auto l = number(pair.first), r = number(pair.second), t = number(i) + shift;
        draft.products.push_back({factor, l, r});
        backward[l].products.push_back({l == r ? 2.0 * factor : factor, t, r});
        if (l != r) backward[r].products.push_back({factor, t, l});
      }
      forward.push_back(std::move(draft));
    }
    for (const auto &[pair, factor] : form_) {
      const auto l = number(pair.first), r = number(pair.second);
      energy[0].products.push_back({factor, l, r});
      backward[l].linear.push_back({l == r ? 2.0 * factor : factor, r, 0});
      if (l != r) backward[r].linear.push_back({factor, l, 0});
    }
    write(forward, plan_.forward_);
    write(energy, plan_.energy_);
    write(backward, plan_.backward_);
  }

  const mtp_model &model_;
  Plan &plan_;
  int half_level_ = 0, nodes_ = 0;
  std::vector<Value> values_;  // in an order of evaluation; the summed moments first
  std::vector<int> id_, live_;
  std::map<Monomial, int> expanded_;
  std::map<Products, int> interned_;
  Products form_;
};

Plan::Plan(const mtp_model &model) {
  if (model.species_count < 1 || model.radial_basis_size < 1 || model.radial_funcs_count < 1)
    refuse("species_count, radial_basis_size and radial_funcs_count must be positive");
  if (!(model.max_dist > model.min_dist)) refuse("max_dist must be greater than min_dist");
  if (!model.radial_coeffs || !model.species_coeffs || !model.moment_coeffs)
    refuse("the potential is not trained");
  const Compiler compiler(model, *this);
  const int species = model.species_count, basis = model.radial_basis_size;
  const int functions = radial_functions(compiler.half_level()), width = (species + 7) / 8 * 8;
  radial_.assign(static_cast<std::size_t>(species) * basis * functions * width + 8, 0.0);
  double *radial = aligned(radial_.data());
  for (int i = 0; i < species; i++)
    for (int j = 0; j < species; j++)
      for (int mu = 0; mu < std::min(functions, model.radial_funcs_count); mu++)
        for (int k = 0; k < basis; k++)
          radial[((i * basis + k) * functions + mu) * width + j] =
              model.scaling *
              model.radial_coeffs[((i * species + j) * model.radial_funcs_count + mu) * basis + k];
  species_coeffs_.assign(model.species_coeffs, model.species_coeffs + species);
  view_.half_level = compiler.half_level();
  view_.species = species;
  view_.radial_basis_size = basis;
  view_.nodes = compiler.nodes();
  view_.energy_node = 2 * compiler.nodes();
  view_.min_dist = model.min_dist;
  view_.max_dist = model.max_dist;
  view_.radial = radial;
  view_.table_width = width;
  view_.species_coeffs = species_coeffs_.data();
  view_.forward = forward_.program();
  view_.energy = energy_.program();
  view_.backward = backward_.program();
}

}  // namespace sei::mtp
