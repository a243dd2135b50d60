#include "grade.hpp"

#include <cstring>
#include <stdexcept>

namespace sei::mtp {

namespace {

constexpr char magic[] = "seicampaign active set 1\n";

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

  void numbers(std::vector<double> &out) {
    const std::size_t rest = bytes_.size() - at_;
    if (rest != out.size() * sizeof(double))
      throw std::invalid_argument("the active set is cut short or too long");
    copy(out.data(), rest);
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
    const std::int64_t size = in.integer(), rank = in.integer();
    if (size < 0 || size > most || rank < 0 || rank > size)
      throw std::invalid_argument("the active set is broken");
    sizes_.push_back(static_cast<int>(size));
    ranks_.push_back(static_cast<int>(rank));
    rows += size;
    ranks += rank;
  }
  if (rows != most || ranks != scalars_) throw std::invalid_argument("the active set is broken");
  std::size_t count = static_cast<std::size_t>(scalars_) * scalars_;
  for (int t = 0; t < species; t++)
    count += static_cast<std::size_t>(own) * (scalars_ + sizes_[t]);
  for (int g = 0; g <= species; g++) count += static_cast<std::size_t>(sizes_[g]) * ranks_[g];
  numbers_.resize(count);
  in.numbers(numbers_);

  const double *at = numbers_.data(), *inverse = at;
  at += static_cast<std::size_t>(scalars_) * scalars_;
  for (int g = 0; g <= species; g++) {
    spread_.push_back(at);
    at += static_cast<std::size_t>(sizes_[g]) * ranks_[g];
  }
  for (int t = 0; t < species; t++) {
    const double *to_moments = at, *direct = at + static_cast<std::size_t>(scalars_) * own;
    at = direct + static_cast<std::size_t>(sizes_[t]) * own;
    views_.push_back({scalars_, own, to_moments, inverse, species + 1, t, ranks_.data(),
                      sizes_.data(), spread_.data(), direct});
  }
}

Grader::Grader(const Plan &plan, const Kernels &kernels, const ActiveSet &set)
    : kernels_(kernels), set_(set), size_(basis_size(plan.view(), set.scalars())) {
  basis_.need(static_cast<std::size_t>(size_) * stride());
  grades_.need(stride());
  memory_.need(2 * static_cast<std::size_t>(set.scalars()) * stride());
}

double *Grader::next(int species, const int *atoms, int lanes, double *grades) {
  if (species != species_ || blocks_ == grade_blocks) finish(grades);
  double *basis = basis_.need(0);
  if (blocks_ == 0) std::memset(basis, 0, sizeof(double) * size_ * stride());
  species_ = species;
  for (int lane = 0; lane < kernels_.width; lane++) atoms_.push_back(lane < lanes ? atoms[lane] : -1);
  return basis + kernels_.width * blocks_++;
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
