// Reads the text of a trained MLIP-2 .mtp file where no Python is at hand (in LAMMPS).
#pragma once

#include <string>
#include <vector>

#include "model.hpp"

namespace sei::mtp {

// A model that owns its tables.
class File {
 public:
  // Throws std::invalid_argument with line and reason for anything but one whole, trained potential.
  explicit File(const std::string &text);
  File(const File &) = delete;
  File &operator=(const File &) = delete;
  const mtp_model &model() const { return model_; }

 private:
  friend class Parser;
  mtp_model model_{};
  std::vector<int> basic_, times_, mapping_;
  std::vector<double> radial_, species_, moments_;
};

}  // namespace sei::mtp
