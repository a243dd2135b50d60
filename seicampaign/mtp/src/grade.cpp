#include "grade.hpp"

#include <cstring>
#include <stdexcept>

namespace sei::mtp {

namespace {

constexpr char magic[] = "seicampaign active set 2\n";

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

  // Fills the vector, if just so many numbers are left after it.
  void numbers(std::vector<double> &out, std::size_t left) {
    if (bytes_.size() - at_ != (out.size() + left) * sizeof(double))
      throw std::invalid_argument("the active set is cut short or too long");
    copy(out.data(), out.size() * sizeof(double));
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
  const std::int64_t most = scalars_ + static_cast<std::int64_t>(species) * own;
  std::int64_t rows = 0, ranks = 0;
  for (int g = 0; g <= species; g++) {
    const std::int64_t size = in.integer(), rank = in.integer(), exact = in.integer();
    if (size < 0 || size > most || rank < 0 || rank > size || exact < 0 || exact > size)
      throw std::invalid_argument("the active set is broken");
    sizes_.push_back(static_cast<int>(size));
    ranks_.push_back(static_cast<int>(rank));
    exact_.push_back(static_cast<int>(exact));
    rows += size;
    ranks += rank;
  }
  if (rows != most || ranks != scalars_) throw std::invalid_argument("the active set is broken");
  const int inputs = scalars_ + own;
  std::size_t leaves = 0, reduced = 0;
  for (int g = 0; g <= species; g++) leaves += static_cast<std::size_t>(sizes_[g]) * ranks_[g];
  for (int t = 0; t < species; t++) {
    leaves += static_cast<std::size_t>(own) * sizes_[t];
    reduced += static_cast<std::size_t>(inputs) * (scalars_ + exact_[t]);
  }
  reduce_.resize(reduced);
  std::vector<double> numbers(leaves);
  in.numbers(reduce_, leaves);
  in.numbers(numbers, 0);
  leaves_.assign(numbers.begin(), numbers.end());

  const double *reduce = reduce_.data();
  const float *at = leaves_.data();
  for (int g = 0; g <= species; g++) {
    spread_.push_back(at);
    at += static_cast<std::size_t>(sizes_[g]) * ranks_[g];
  }
  for (int t = 0; t < species; t++) {
    views_.push_back({scalars_, own, exact_[t], reduce, species + 1, t, ranks_.data(),
                      sizes_.data(), spread_.data(), at});
    reduce += static_cast<std::size_t>(inputs) * (scalars_ + exact_[t]);
    at += static_cast<std::size_t>(sizes_[t]) * own;
  }
}

Grader::Grader(const Plan &plan, const Kernels &kernels, const ActiveSet &set)
    : kernels_(kernels), set_(set), size_(basis_size(plan.view(), set.scalars())) {
  const std::size_t panel = static_cast<std::size_t>(grade_blocks) * kernels.width;
  std::fill_n(basis_.need(size_ * panel), size_ * panel, 0.0);  // idle lanes shall be numbers
  grades_.need(panel);
  memory_.need((size_ + set.most_exact()) * panel);
}

double *Grader::next(int species, const int *atoms, int lanes, double *grades) {
  if (species != species_ || blocks_ == grade_blocks) finish(grades);
  double *basis = basis_.need(0);
  species_ = species;
  for (int lane = 0; lane < kernels_.width; lane++) atoms_.push_back(lane < lanes ? atoms[lane] : -1);
  const int tile = blocks_ / tile_blocks, block = blocks_++ % tile_blocks;
  return basis + (tile * static_cast<std::size_t>(size_) * tile_blocks + block) * kernels_.width;
}

void Grader::finish(double *grades) {
  if (blocks_ == 0) return;
  double *found = grades_.need(0);
  kernels_.grade(set_.of(species_), basis_.need(0), found, memory_.need(0));
  for (std::size_t n = 0; n < atoms_.size(); n++)
    if (atoms_[n] >= 0) grades[atoms_[n]] = found[n];
  atoms_.clear();
  blocks_ = 0;
}

}  // namespace sei::mtp
