#include "neighbours.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <string>

namespace sei::mtp {

namespace {

using Vector = std::array<double, 3>;

Vector cross(const Vector &a, const Vector &b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
double dot(const Vector &a, const Vector &b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

// The cell with its open directions made unit vectors normal to the others.
struct Frame {
  std::array<Vector, 3> rows, normals;  // normals[a] . r is the distance along a, in rows
  std::array<double, 3> heights;

  Frame(const double *cell, const int *pbc) {
    for (int a = 0; a < 3; a++) rows[a] = {cell[3 * a], cell[3 * a + 1], cell[3 * a + 2]};
    for (int a = 0; a < 3; a++)
      if (!pbc[a]) rows[a] = open_direction(a, pbc);
    const double volume = dot(rows[0], cross(rows[1], rows[2]));
    const double size = std::sqrt(dot(rows[0], rows[0]) * dot(rows[1], rows[1]) *
                                  dot(rows[2], rows[2]));
    if (!(std::abs(volume) > 1e-9 * size))
      throw std::invalid_argument("the cell is flat or not finite in a periodic direction");
    for (int a = 0; a < 3; a++) {
      normals[a] = cross(rows[(a + 1) % 3], rows[(a + 2) % 3]);
      for (double &x : normals[a]) x /= volume;
      heights[a] = 1.0 / std::sqrt(dot(normals[a], normals[a]));
    }
  }

  // The first directions that are open are chosen first, so those after are not looked at.
  Vector open_direction(int a, const int *pbc) const {
    std::vector<Vector> taken;
    for (int b = 0; b < 3; b++)
      if (b != a && (pbc[b] || b < a)) taken.push_back(rows[b]);
    if (taken.size() == 2) {
      Vector normal = cross(taken[0], taken[1]);
      const double length = std::sqrt(dot(normal, normal));
      for (double &x : normal) x /= length;
      return normal;
    }
    Vector best{};
    double most = -1.0;
    for (int axis = 0; axis < 3; axis++) {  // the axis least along the one taken
      Vector unit{};
      unit[axis] = 1.0;
      const double lean =
          taken.empty() ? 0.0 : std::abs(dot(unit, taken[0])) / std::sqrt(dot(taken[0], taken[0]));
      if (1.0 - lean > most) {
        most = 1.0 - lean;
        best = unit;
      }
    }
    if (taken.empty()) return best;
    const double along = dot(best, taken[0]) / dot(taken[0], taken[0]);
    Vector rest;
    for (int k = 0; k < 3; k++) rest[k] = best[k] - along * taken[0][k];
    const double length = std::sqrt(dot(rest, rest));
    for (double &x : rest) x /= length;
    return rest;
  }
};

// An atom or one of its images, with its fractional coordinates.
struct Image {
  int atom;
  Vector fractional, position;
};

class Search {
 public:
  Search(int atoms, const double *positions, const double *cell, const int *pbc, double cutoff)
      : atoms_(atoms), cutoff_(cutoff), frame_(cell, pbc) {
    for (int a = 0; a < 3; a++) margin_[a] = cutoff / frame_.heights[a];
    place(positions, pbc);
    for (int a = 0; a < 3; a++)
      if (pbc[a]) replicate(a);
    sort_into_bins();
  }

  Neighbours neighbours() const {
    Neighbours out;
    out.first.reserve(atoms_ + 1);
    out.first.push_back(0);
    std::vector<const Image *> centre(atoms_);
    for (const Image &image : images_)
      if (&image < images_.data() + atoms_) centre[image.atom] = &image;
    for (int i = 0; i < atoms_; i++) {
      search(*centre[i], out);
      out.first.push_back(static_cast<int>(out.index.size()));
    }
    return out;
  }

 private:
  void place(const double *positions, const int *pbc) {
    images_.reserve(8 * static_cast<std::size_t>(atoms_) + 64);
    for (int i = 0; i < atoms_; i++) {
      Image image{i, {}, {positions[3 * i], positions[3 * i + 1], positions[3 * i + 2]}};
      for (int a = 0; a < 3; a++) {
        double f = dot(frame_.normals[a], image.position);
        if (!std::isfinite(f))
          throw std::invalid_argument("the position of atom " + std::to_string(i) +
                                      " is not finite");
        const double turns = pbc[a] ? std::floor(f) : 0.0;
        for (int k = 0; k < 3; k++) image.position[k] -= turns * frame_.rows[a][k];
        image.fractional[a] = f - turns;
      }
      images_.push_back(image);
    }
  }

  // Copies along one direction all images that reach into the margin around the cell.
  void replicate(int a) {
    const std::size_t count = images_.size();
    const int reach = static_cast<int>(std::ceil(margin_[a]));
    for (int turn = -reach; turn <= reach; turn++) {
      if (turn == 0) continue;
      for (std::size_t n = 0; n < count; n++) {
        const double f = images_[n].fractional[a] + turn;
        if (f < -margin_[a] || f > 1.0 + margin_[a]) continue;
        Image image = images_[n];
        image.fractional[a] = f;
        for (int k = 0; k < 3; k++) image.position[k] += turn * frame_.rows[a][k];
        images_.push_back(image);
      }
    }
  }

  int bin_along(int a, double f) const {
    const int bin = static_cast<int>((f - low_[a]) * per_unit_[a]);
    return std::clamp(bin, 0, bins_[a] - 1);
  }

  void sort_into_bins() {
    for (int a = 0; a < 3; a++) {
      low_[a] = 0.0;
      double high = 0.0;
      for (const Image &image : images_) {
        low_[a] = std::min(low_[a], image.fractional[a]);
        high = std::max(high, image.fractional[a]);
      }
      const double span = high - low_[a];
      bins_[a] = std::clamp(static_cast<int>(2.0 * span / margin_[a]), 1, 1024);
      per_unit_[a] = span > 0.0 ? bins_[a] / span : 0.0;
      reach_[a] = per_unit_[a] > 0.0 ? static_cast<int>(std::ceil(margin_[a] * per_unit_[a])) : 0;
    }
    const std::size_t all = static_cast<std::size_t>(bins_[0]) * bins_[1] * bins_[2];
    std::vector<int> bin_of(images_.size());
    start_.assign(all + 1, 0);
    for (std::size_t n = 0; n < images_.size(); n++) {
      const Vector &f = images_[n].fractional;
      bin_of[n] = (bin_along(0, f[0]) * bins_[1] + bin_along(1, f[1])) * bins_[2] +
                  bin_along(2, f[2]);
      start_[bin_of[n] + 1]++;
    }
    for (std::size_t b = 0; b < all; b++) start_[b + 1] += start_[b];
    std::vector<int> next(start_.begin(), start_.end() - 1);
    sorted_.resize(images_.size());
    for (std::size_t n = 0; n < images_.size(); n++)
      sorted_[next[bin_of[n]]++] = static_cast<int>(n);
    binned_.reserve(images_.size());
    for (int n : sorted_) binned_.push_back(images_[n].position);
  }

  void search(const Image &centre, Neighbours &out) const {
    std::array<int, 3> from, to;
    for (int a = 0; a < 3; a++) {
      const int bin = bin_along(a, centre.fractional[a]);
      from[a] = std::max(bin - reach_[a], 0);
      to[a] = std::min(bin + reach_[a], bins_[a] - 1);
    }
    for (int x = from[0]; x <= to[0]; x++)
      for (int y = from[1]; y <= to[1]; y++) {
        const int row = (x * bins_[1] + y) * bins_[2];
        take(centre, start_[row + from[2]], start_[row + to[2] + 1], out);
      }
  }

  void take(const Image &centre, int begin, int end, Neighbours &out) const {
    const int self = static_cast<int>(&centre - images_.data());
    for (int n = begin; n < end; n++) {
      const Vector &p = binned_[n];
      const double dx = p[0] - centre.position[0], dy = p[1] - centre.position[1],
                   dz = p[2] - centre.position[2], square = dx * dx + dy * dy + dz * dz;
      if (square >= cutoff_ * cutoff_ || sorted_[n] == self) continue;
      const int atom = images_[sorted_[n]].atom;
      if (square == 0.0)
        throw std::invalid_argument("atoms " + std::to_string(centre.atom) + " and " +
                                    std::to_string(atom) + " are at the same place");
      out.index.push_back(atom);
      out.vector.insert(out.vector.end(), {dx, dy, dz});
    }
  }

  int atoms_;
  double cutoff_;
  Frame frame_;
  Vector margin_, low_, per_unit_;
  std::array<int, 3> bins_, reach_;
  std::vector<Image> images_;  // the atoms themselves first
  std::vector<int> start_, sorted_;
  std::vector<Vector> binned_;
};

}  // namespace

Neighbours find_neighbours(int atoms, const double *positions, const double *cell, const int *pbc,
                           double cutoff) {
  if (atoms == 0) return {{0}, {}, {}};
  return Search(atoms, positions, cell, pbc, cutoff).neighbours();
}

}  // namespace sei::mtp
