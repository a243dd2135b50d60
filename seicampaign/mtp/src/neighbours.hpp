// Full neighbour lists within a cutoff, for any cell: skewed, smaller than the cutoff, open.
#pragma once

#include <vector>

namespace sei::mtp {

// Neighbours of atom i are entries first[i] ... first[i + 1] of `index` and `vector` (xyz, from i
// to its neighbour). An atom can be its own neighbour through a period.
struct Neighbours {
  std::vector<int> first, index;
  std::vector<double> vector;
};

// `cell` holds three rows; rows of open directions (pbc[a] == 0) may be zero.
// Throws std::invalid_argument for a flat cell, positions that are not finite, atoms that coincide.
Neighbours find_neighbours(int atoms, const double *positions, const double *cell, const int *pbc,
                           double cutoff);

}  // namespace sei::mtp
