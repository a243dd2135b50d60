#include "plan.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>
#include <string>

namespace sei::mtp {

namespace {

[[noreturn]] void refuse(const std::string &what) { throw std::invalid_argument(what); }

using Pair = std::pair<int, int>;
using Products = std::map<Pair, double>;
using Monomial = std::array<int, 4>;  // mu, x, y, z

double *aligned(double *p) {
  return reinterpret_cast<double *>((reinterpret_cast<std::uintptr_t>(p) + 63) / 64 * 64);
}

template <class T>
List<T> list_of(const std::vector<T> &v) {
  return {v.data(), v.data() + v.size()};
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
  Compiler(const mtp_model &model, int width, Purpose purpose, Plan &plan)
      : model_(model), plan_(plan), width_(width), purpose_(purpose) {
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
  int zero() const { return zero_; }
  int copies() const { return copies_; }
  int all() const { return all_; }

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
    std::vector<bool> named(model_.alpha_moments_count);
    for (int i = 0; i < model_.alpha_scalar_moments; i++) {
      const int scalar = model_.alpha_moment_mapping[i];
      if (scalar < 0 || scalar >= model_.alpha_moments_count)
        refuse("alpha_moment_mapping names no such moment");
      if (named[scalar]) refuse("alpha_moment_mapping names a moment twice");
      named[scalar] = true;
      if (id_[scalar] < 0) continue;
      values_[id_[scalar]].coefficient += model_.moment_coeffs[i];
      values_[id_[scalar]].live = purpose_ == Purpose::basis;
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
    for (int i = 0; i < static_cast<int>(values_.size()); i++) {
      Value &value = values_[i];
      if (!value.live || value.factor || value.products.empty()) continue;
      if (value.coefficient != 0.0)
        for (const auto &[pair, factor] : value.products)
          form_[pair] += value.coefficient * factor;
      value.live = false;
      if (purpose_ == Purpose::basis) leaves_.push_back(i);
    }
  }

  void number_nodes() {
    const int summed = summed_moments(half_level_);
    for (int i = 0; i < static_cast<int>(values_.size()); i++)
      if (i < summed || values_[i].live) {
        values_[i].number = nodes_++;
        live_.push_back(i);
      }
    zero_ = 2 * nodes_;
    copies_ = zero_ + 1;
    for (int leaf : leaves_) values_[leaf].number = copies_++;
  }

  std::uint32_t place(int node) const { return static_cast<std::uint32_t>(node * width_); }

  // One piece after another of each sum, sums of equal length together.
  template <class Code, class Sums, class Fill>
  void write(Code &code, const Sums &sums, int piece, Fill fill) const {
    std::map<std::size_t, std::vector<const typename Sums::value_type *>> by_length;
    for (const auto &sum : sums) by_length[(sum.second.size() + piece - 1) / piece].push_back(&sum);
    for (const auto &[length, group] : by_length) {
      code.runs.push_back({static_cast<int>(group.size()), static_cast<int>(length)});
      for (const auto *sum : group) {
        code.targets.push_back(place(sum->first));
        for (std::size_t n = 0; n < length; n++) {
          code.pieces.emplace_back();
          for (int k = 0; k < piece; k++) fill(code.pieces.back(), k, sum->second, n * piece + k);
        }
      }
    }
  }

  // The products of one stage: factors other than 1 go into copies of one side.
  class Draft {
   public:
    void add(int target, double factor, int scaled, int other) {
      sums_[target].push_back({factor, scaled, other});
    }

    // Returns the number of all nodes with the copies, which stand behind the others and last for
    // this stage.
    int write(const Compiler &compiler, Plan::StageCode &code) const {
      const int zero = compiler.zero_;
      std::map<std::pair<int, double>, int> copies;
      auto copy = [&](int source, double factor) {
        if (factor == 1.0) return source;
        const int next = compiler.copies_ + static_cast<int>(copies.size());
        const auto [place, added] = copies.emplace(std::make_pair(source, factor), next);
        if (added) code.copies.push_back({factor, compiler.place(next), compiler.place(source)});
        return place->second;
      };
      compiler.write(code.products, sums_, Product::size,
                     [&](Product &piece, int k, const std::vector<Factors> &terms, std::size_t n) {
                       const bool there = n < terms.size();
                       const std::uint64_t p = compiler.place(
                           there ? copy(terms[n].scaled, terms[n].factor) : zero);
                       const std::uint64_t q = compiler.place(there ? terms[n].other : zero);
                       piece.pair[k] = p | q << 32;
                     });
      return compiler.copies_ + static_cast<int>(copies.size());
    }

   private:
    struct Factors {
      double factor;
      int scaled, other;
    };
    std::map<int, std::vector<Factors>> sums_;
  };

  void emit() {
    std::map<int, Draft> multiply, differentiate;
    plan_.constants_.assign(nodes_, 0.0);
    plan_.operations_ = 0.0;
    for (int i : live_) {
      const Value &value = values_[i];
      const int n = value.number;
      plan_.constants_[n] = value.coefficient;
      plan_.operations_ += value.expansion.empty() ? 0 : 5;
      if (!value.expansion.empty())
        plan_.expansions_.push_back({place(n), place(values_[value.expansion[0]].number),
                                     place(values_[value.expansion[1]].number),
                                     place(values_[value.expansion[2]].number)});
      for (const auto &[pair, factor] : value.products) {
        const int l = values_[pair.first].number, r = values_[pair.second].number;
        const int adjoint = n + nodes_;
        plan_.operations_ += l == r ? 4 : 6;  // forward and backward
        multiply[value.depth].add(n, factor, l, r);
        // the adjoint of n is complete when those of less depth are worked out from it
        differentiate[-value.depth].add(l + nodes_, l == r ? 2.0 * factor : factor, adjoint, r);
        if (l != r) differentiate[-value.depth].add(r + nodes_, factor, adjoint, l);
      }
    }
    emit_fold();
    for (int i = 0; i < model_.alpha_scalar_moments && purpose_ == Purpose::basis; i++) {
      const int id = id_[model_.alpha_moment_mapping[i]];
      plan_.scalars_.push_back(place(id < 0 ? zero_ : values_[id].number));
    }
    Draft leaves;
    for (int leaf : leaves_)
      for (const auto &[pair, factor] : values_[leaf].products)
        leaves.add(values_[leaf].number, factor, values_[pair.first].number,
                   values_[pair.second].number);
    all_ = leaves.write(*this, plan_.leaves_code_);
    for (const auto &[depth, draft] : multiply)
      all_ = std::max(all_, draft.write(*this, plan_.multiply_code_.emplace_back()));
    for (const auto &[depth, draft] : differentiate)
      all_ = std::max(all_, draft.write(*this, plan_.differentiate_code_.emplace_back()));
    for (const auto *stages : {&plan_.multiply_code_, &plan_.differentiate_code_})
      for (const auto &code : *stages) plan_.operations_ += static_cast<double>(code.copies.size());
    sort_expansions();
  }

  // Each after those it is made of, but apart from those that add to the same sums on the way back:
  // they would wait for each other.
  void sort_expansions() {
    auto mixed = [&](const Expansion &e) { return e.target / width_ * 2654435761u; };
    std::map<std::uint32_t, int> depth;
    for (int i : live_) depth[place(values_[i].number)] = values_[i].depth;
    std::sort(plan_.expansions_.begin(), plan_.expansions_.end(),
              [&](const Expansion &a, const Expansion &b) {
                return std::make_pair(depth[a.target], mixed(a)) <
                       std::make_pair(depth[b.target], mixed(b));
              });
  }

  // The quadratic form of the scalars that are never formed: linear in its gradient.
  void emit_fold() {
    std::map<int, std::vector<std::pair<double, int>>> sums;
    for (const auto &[pair, factor] : form_) {
      const int l = values_[pair.first].number, r = values_[pair.second].number;
      plan_.operations_ += l == r ? 2 : 4;
      sums[l + nodes_].emplace_back(l == r ? 2.0 * factor : factor, r);
      if (l != r) sums[r + nodes_].emplace_back(factor, l);
    }
    write(plan_.fold_, sums, Linear::size, [&](Linear &piece, int k, const auto &terms, std::size_t n) {
      piece.factor[k] = n < terms.size() ? terms[n].first : 0.0;
      piece.p[k] = place(n < terms.size() ? terms[n].second : zero_);
    });
  }

  const mtp_model &model_;
  Plan &plan_;
  const int width_;
  const Purpose purpose_;
  int half_level_ = 0, nodes_ = 0;
  int zero_ = 0, copies_ = 0, all_ = 0;  // the node that is zero, the first copy, and how many in all
  std::vector<Value> values_;  // in an order of evaluation; the summed moments first
  std::vector<int> id_, live_, leaves_;
  std::map<Monomial, int> expanded_;
  std::map<Products, int> interned_;
  Products form_;
};

Plan::Plan(const mtp_model &model, int width, Purpose purpose) {
  if (model.species_count < 1 || model.radial_basis_size < 1 || model.radial_funcs_count < 1)
    refuse("species_count, radial_basis_size and radial_funcs_count must be positive");
  if (!(model.max_dist > model.min_dist)) refuse("max_dist must be greater than min_dist");
  if (!model.radial_coeffs || !model.species_coeffs || !model.moment_coeffs)
    refuse("the potential is not trained");
  const Compiler compiler(model, width, purpose, *this);
  const int species = model.species_count, basis = model.radial_basis_size;
  const int functions = radial_functions(compiler.half_level()), table = (species + 7) / 8 * 8;
  radial_.assign(static_cast<std::size_t>(species) * basis * functions * table + 8, 0.0);
  double *radial = aligned(radial_.data());
  for (int i = 0; i < species; i++)
    for (int j = 0; j < species; j++)
      for (int mu = 0; mu < std::min(functions, model.radial_funcs_count); mu++)
        for (int k = 0; k < basis; k++)
          radial[((i * basis + k) * functions + mu) * table + j] =
              model.scaling *
              model.radial_coeffs[((i * species + j) * model.radial_funcs_count + mu) * basis + k];
  species_coeffs_.assign(model.species_coeffs, model.species_coeffs + species);
  view_.half_level = compiler.half_level();
  view_.species = species;
  view_.radial_basis_size = basis;
  view_.nodes = compiler.nodes();
  view_.summed = summed_moments(compiler.half_level());
  view_.zero = compiler.zero();
  view_.copies = compiler.copies();
  view_.all = compiler.all();
  view_.constants = constants_.data();
  view_.min_dist = model.min_dist;
  view_.max_dist = model.max_dist;
  view_.radial = radial;
  view_.table_width = table;
  view_.species_coeffs = species_coeffs_.data();
  view_.expansions = list_of(expansions_);
  view_.fold = fold_.program();
  for (const StageCode &code : multiply_code_)
    multiply_.push_back({list_of(code.copies), code.products.program()});
  for (const StageCode &code : differentiate_code_)
    differentiate_.push_back({list_of(code.copies), code.products.program()});
  view_.leaves = {list_of(leaves_code_.copies), leaves_code_.products.program()};
  view_.scalars = list_of(scalars_);
  view_.radial_funcs_count = model.radial_funcs_count;
  view_.scaling = model.scaling;
  view_.multiply = list_of(multiply_);
  view_.differentiate = list_of(differentiate_);
}

}  // namespace sei::mtp
