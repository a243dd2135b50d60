#include "grade.hpp"

#include <algorithm>
#include <cmath>
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

// Part of the matrix of some rows, [row][stride], and the inputs of the panel that it is for.
struct ActiveSet::Source {
  const double *matrix;
  std::size_t stride;
  int first, inputs;
};

ActiveSet::ActiveSet(const std::string &bytes, const mtp_model &model, int width) : width_(width) {
  Reader in(bytes);
  if (static_cast<std::uint64_t>(in.integer()) != fingerprint(model))
    throw std::invalid_argument("the active set was made for another potential");
  scalars_ = model.alpha_scalar_moments;
  const int species = model.species_count;
  own_ = 1 + species * model.radial_funcs_count * model.radial_basis_size;
  const std::size_t inputs = scalars_ + own_, square = static_cast<std::size_t>(own_) * own_;
  rows_ = scalars_ + species * own_;
  std::int64_t ranks = 0;
  const std::size_t each = square + 2 * inputs + rows_;
  std::size_t count = static_cast<std::size_t>(rows_) * rows_ + species * each;
  for (int g = 0; g <= species; g++) {  // the last: of rows that are of no species
    const std::int64_t rank = in.integer();
    if (rank < 0 || rank > scalars_) throw std::invalid_argument("the active set is broken");
    ranks_.push_back(static_cast<int>(rank));
    ranks += rank;
    if (g < species) count += own_ * rank;
  }
  if (ranks != scalars_) throw std::invalid_argument("the active set is broken");
  numbers_ = in.numbers(count);

  const double *at = numbers_.data() + static_cast<std::size_t>(rows_) * rows_;
  std::vector<const double *> spread;
  for (int g = 0; g < species; g++) {
    spread.push_back(at);
    at += static_cast<std::size_t>(own_) * ranks_[g];
  }
  species_.resize(species);
  for (int t = 0; t < species; t++) set_up(t, at + t * each, spread);
}

void ActiveSet::set_up(int t, const double *direct, const std::vector<const double *> &spread) {
  Species &of = species_[t];
  const int inputs = scalars_ + own_, offset = scalars_ + t * own_;
  const double *const exact = numbers_.data(), *const centre = direct + own_ * std::size_t(own_),
               *const range = centre + inputs, *const tolerance = range + inputs;
  of.range.assign(range, tolerance);
  of.tolerance.assign(tolerance, tolerance + rows_);
  for (int row = 0; row < rows_; row++) {
    const double *const all = exact + row * std::size_t(rows_), *const mine = all + offset;
    of.constants.push_back(
        static_cast<float>(std::inner_product(all, all + scalars_, centre, 0.0) +
                           std::inner_product(mine, mine + own_, centre + scalars_, 0.0)));
  }

  const std::size_t stride = rows_;
  add_tiles(of, 0, scalars_, {{exact, stride, 0, scalars_}, {exact + offset, stride, scalars_, own_}});
  std::vector<Source> own = {{direct, std::size_t(own_), scalars_, own_}};
  std::vector<Source> sources;
  for (int g = 0, part = inputs; g < static_cast<int>(spread.size()); part += ranks_[g++])
    sources.push_back({spread[g], std::size_t(ranks_[g]), part, ranks_[g]});
  if (ranks_[t]) own.push_back(sources[t]);
  add_tiles(of, scalars_ + t * own_, own_, own);
  for (int g = 0; g < static_cast<int>(spread.size()); g++)
    if (g != t && ranks_[g]) {  // without a rank all are zero
      const std::size_t first = of.tiles.size();
      add_tiles(of, scalars_ + g * own_, own_, {sources[g]});
      bound_tiles(of, first, scalars_ + g * own_, sources[g]);
    }
  of.view = {scalars_, own_, offset, rows_, centre, of.range.data(), of.constants.data(),
             of.tolerance.data(), {of.tiles.data(), of.tiles.data() + of.tiles.size()}, exact};
}

// Rows of a coefficient each, in tiles and pieces of nearly equal size.
void ActiveSet::add_tiles(Species &of, int first, int count, const std::vector<Source> &sources) {
  const int most = tile_rows(width_), tiles = (count + most - 1) / most;
  const float *const tolerance = of.tolerance.data() + first;
  for (int n = 0; n < tiles; n++) {
    const int begin = count * n / tiles, end = count * (n + 1) / tiles;
    std::vector<Piece> &pieces = of.pieces.emplace_back();
    for (const Source &source : sources) {
      const float *const numbers = pack(source, count, tiles) + begin * source.inputs;
      const int parts = (source.inputs + piece_inputs - 1) / piece_inputs;
      for (int k = 0; k < parts; k++) {
        const int from = source.inputs * k / parts, to = source.inputs * (k + 1) / parts;
        pieces.push_back({numbers + from * (end - begin), source.first + from, to - from});
      }
    }
    of.tiles.push_back({pieces.data(), pieces.data() + pieces.size(), first + begin, end - begin,
                        *std::max_element(tolerance + begin, tolerance + end), 0.0f, 0.0f});
  }
}

// A matrix of so many rows as tiles read it, one after another. What species share stands once, as a
// graded step finds little of it in the caches.
const float *ActiveSet::pack(const Source &source, int count, int tiles) {
  std::vector<float> &numbers = packed_[source.matrix];
  if (!numbers.empty()) return numbers.data();
  for (int n = 0; n < tiles; n++)
    for (int i = 0; i < source.inputs; i++)
      for (int row = count * n / tiles; row < count * (n + 1) / tiles; row++)
        numbers.push_back(static_cast<float>(source.matrix[row * source.stride + i]));
  return numbers.data();
}

// Norms of the rows of tiles that are products of one matrix with coefficients found before.
void ActiveSet::bound_tiles(Species &of, std::size_t first, int row, const Source &source) const {
  const float *const of_inputs = of.tolerance.data() + source.first - scalars_ - own_;
  const double error =
      std::sqrt(std::inner_product(of_inputs, of_inputs + source.inputs, of_inputs, 0.0));
  for (std::size_t n = first; n < of.tiles.size(); n++) {
    Tile &tile = of.tiles[n];
    double largest = 0.0;
    for (int r = tile.row - row; r < tile.row - row + tile.rows; r++) {
      const double *const numbers = source.matrix + r * source.stride;
      largest = std::max(
          largest, std::inner_product(numbers, numbers + source.inputs, numbers, 0.0));
    }
    tile.square = static_cast<float>(1.001 * largest);  // and what is rounded in between
    tile.error = static_cast<float>(std::sqrt(1.001 * largest) * error);
  }
}

Grader::Grader(const Plan &plan, const Kernels &kernels, const ActiveSet &set)
    : kernels_(kernels), set_(set) {
  if (set.width() != kernels.width)
    throw std::invalid_argument("the active set was made ready for another instruction set");
  const std::size_t panel = static_cast<std::size_t>(grade_blocks) * kernels.width,
                    size = basis_size(plan.view(), set.scalars());
  std::fill_n(basis_.need(size * panel), size * panel, 0.0);  // idle lanes shall be numbers
  grades_.need(panel);
  memory_.need((size + 2 * set.rows()) * panel + 5 * set.rows() + 8);
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
