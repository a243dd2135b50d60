#include "grade.hpp"

#include <cstring>
#include <numeric>
#include <stdexcept>

namespace sei::mtp {

namespace {

constexpr char magic[] = "seicampaign active set 3\n";

class Reader {
 public:
  explicit Reader(const std::string &bytes) : bytes_(bytes) {
    if (bytes.compare(0, sizeof magic - 1, magic) != 0)
      throw std::invalid_argument("not an active set of this version of seicampaign");
    at_ = sizeof magic - 1;
  }

  std::int64_t integer() {
    std::int64_t value;
    copy(&value, sizeof value);
    return value;
  }

  // All that is left, if it is so many numbers.
  std::vector<double> numbers(std::size_t count) {
    if (bytes_.size() - at_ != count * sizeof(double))
      throw std::invalid_argument("the active set is cut short or too long");
    std::vector<double> out(count);
    copy(out.data(), count * sizeof(double));
    return out;
  }

 private:
  void copy(void *to, std::size_t size) {
    if (bytes_.size() - at_ < size) throw std::invalid_argument("the active set is cut short");
    std::memcpy(to, bytes_.data() + at_, size);
    at_ += size;
  }

  const std::string &bytes_;
  std::size_t at_ = 0;
};

}  // namespace

std::uint64_t fingerprint(const mtp_model &m) {
  std::uint64_t hash = 14695981039346656037u;
  auto add = [&hash](const void *data, std::size_t bytes) {
    for (const auto *p = static_cast<const unsigned char *>(data), *end = p + bytes; p != end; p++)
      hash = (hash ^ *p) * 1099511628211u;
  };
  const std::size_t s = m.species_count;
  add(&m.scaling, sizeof(double));
  add(&m.min_dist, sizeof(double));
  add(&m.max_dist, sizeof(double));
  add(m.alpha_index_basic, sizeof(int) * 4 * m.alpha_index_basic_count);
  add(m.alpha_index_times, sizeof(int) * 4 * m.alpha_index_times_count);
  add(m.alpha_moment_mapping, sizeof(int) * m.alpha_scalar_moments);
  add(m.radial_coeffs, sizeof(double) * s * s * m.radial_funcs_count * m.radial_basis_size);
  add(m.species_coeffs, sizeof(double) * s);
  add(m.moment_coeffs, sizeof(double) * m.alpha_scalar_moments);
  return hash;
}

ActiveSet::ActiveSet(const std::string &bytes, const mtp_model &model) {
  Reader in(bytes);
  if (static_cast<std::uint64_t>(in.integer()) != fingerprint(model))
    throw std::invalid_argument("the active set was made for another potential");
  scalars_ = model.alpha_scalar_moments;
  const int species = model.species_count,
            own = 1 + species * model.radial_funcs_count * model.radial_basis_size;
  const std::size_t inputs = scalars_ + own, square = static_cast<std::size_t>(own) * own;
  rows_ = scalars_ + species * own;
  std::int64_t ranks = 0;
  std::size_t count = static_cast<std::size_t>(rows_) * rows_;
  for (int g = 0; g <= species; g++) {  // the last: of rows that are of no species
    const std::int64_t rank = in.integer();
    if (rank < 0 || rank > scalars_) throw std::invalid_argument("the active set is broken");
    ranks_.push_back(static_cast<int>(rank));
    ranks += rank;
    if (g < species) count += own * rank + square + 2 * inputs + rows_;
  }
  if (ranks != scalars_) throw std::invalid_argument("the active set is broken");
  numbers_ = in.numbers(count);

  const double *const exact = numbers_.data(), *at = exact + static_cast<std::size_t>(rows_) * rows_;
  for (int g = 0; g < species; g++) {
    spread_.push_back(pack(at, own, ranks_[g]));
    at += static_cast<std::size_t>(own) * ranks_[g];
  }
  for (int t = 0; t < species; t++) {
    const double *const direct = at, *const centre = direct + square, *const range = centre + inputs,
                 *const tolerance = range + inputs;
    at = tolerance + rows_;
    std::vector<double> joint;
    std::vector<float> constants(rows_);
    for (int row = 0; row < rows_; row++) {
      const double *const all = exact + static_cast<std::size_t>(row) * rows_,
                   *const mine = all + scalars_ + t * static_cast<std::size_t>(own);
      constants[row] = static_cast<float>(
          std::inner_product(all, all + scalars_, centre, 0.0) +
          std::inner_product(mine, mine + own, centre + scalars_, 0.0));
      if (row >= scalars_) continue;
      joint.insert(joint.end(), all, all + scalars_);
      joint.insert(joint.end(), mine, mine + own);
    }
    floats_.push_back(std::move(constants));
    const float *const kept = floats_.back().data();
    views_.push_back({scalars_, own, species, rows_, t, centre, pack(range, 1, inputs), kept,
                      pack(tolerance, 1, rows_), pack(joint.data(), scalars_, inputs),
                      pack(direct, own, own), ranks_.data(), spread_.data(), exact, rows_});
  }
}

// Of a matrix [rows][inputs].
const float *ActiveSet::pack(const double *matrix, int rows, int inputs) {
  std::vector<float> out;
  out.reserve(static_cast<std::size_t>(rows) * inputs);
  for (int first = 0; first < inputs; first += packed_inputs)
    for (int row = 0; row < rows; row += packed_rows)
      for (int i = first; i < std::min(first + packed_inputs, inputs); i++)
        for (int n = row; n < std::min(row + packed_rows, rows); n++)
          out.push_back(static_cast<float>(matrix[static_cast<std::size_t>(n) * inputs + i]));
  floats_.push_back(std::move(out));
  return floats_.back().data();
}

Grader::Grader(const Plan &plan, const Kernels &kernels, const ActiveSet &set)
    : kernels_(kernels), set_(set) {
  const std::size_t panel = static_cast<std::size_t>(grade_blocks) * kernels.width,
                    size = basis_size(plan.view(), set.scalars());
  std::fill_n(basis_.need(size * panel), size * panel, 0.0);  // idle lanes shall be numbers
  grades_.need(panel);
  memory_.need((size + set.rows()) * panel + set.rows() + packed_rows);
}

double *Grader::next(int species, const int *atoms, int lanes, double *grades) {
  if (species != species_ || blocks_ == grade_blocks) finish(grades);
  species_ = species;
  lanes_[blocks_] = lanes;
  for (int lane = 0; lane < kernels_.width; lane++) atoms_.push_back(lane < lanes ? atoms[lane] : -1);
  return basis_.need(0) + blocks_++ * kernels_.width;
}

void Grader::finish(double *grades) {
  if (blocks_ == 0) return;
  double *found = grades_.need(0);
  kernels_.grade(set_.of(species_), basis_.need(0), blocks_, lanes_, found, memory_.need(0));
  for (std::size_t n = 0; n < atoms_.size(); n++)
    if (atoms_[n] >= 0) grades[atoms_[n]] = found[n];
  atoms_.clear();
  blocks_ = 0;
}

}  // namespace sei::mtp
