// Work memory of one thread: blocks of atoms as the kernels want them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#include "dispatch.hpp"

namespace sei::mtp {

// Memory aligned to 64 bytes that grows and is never copied.
template <class T>
class Aligned {
 public:
  T *need(std::size_t count) {
    if (count > size_) {
      size_ = count + count / 4;
      const std::size_t bytes = (size_ * sizeof(T) + 63) / 64 * 64;
      memory_.reset(static_cast<T *>(std::aligned_alloc(64, bytes)));
      if (!memory_) throw std::bad_alloc();
    }
    return memory_.get();
  }

 private:
  struct Free {
    void operator()(T *p) const { std::free(p); }
  };
  std::unique_ptr<T, Free> memory_;
  std::size_t size_ = 0;
};

// Buffers of one block. Use: reserve(), then per lane put() its neighbours and close(), then run().
class Workspace {
 public:
  Workspace(const Plan &plan, const Kernels &kernels) : plan_(plan.view()), kernels_(kernels) {}

  int width() const { return kernels_.width; }

  // Room for lanes of up to `slots` neighbours each.
  void reserve(int slots) {
    const std::size_t cells = static_cast<std::size_t>(slots) * width();
    dx = dx_.need(cells);
    dy = dy_.need(cells);
    dz = dz_.need(cells);
    species = species_.need(cells);
    energy = energy_.need(width());
  }

  // Fills the lanes up to the longest with neighbours at the cutoff, which add nothing.
  int close(const int *counts) {
    const int w = width(), slots = *std::max_element(counts, counts + w);
    for (int lane = 0; lane < w; lane++)
      for (int s = counts[lane]; s < slots; s++) {
        dx[s * w + lane] = plan_.max_dist;
        dy[s * w + lane] = dz[s * w + lane] = 0.0;
        species[s * w + lane] = counts[lane] ? species[(counts[lane] - 1) * w + lane] : 0;
      }
    return slots;
  }

  void run(int central, int slots, bool energies, double *basis = nullptr, int basis_stride = 0) {
    void *memory = memory_.need(kernels_.memory[plan_.half_level](plan_, slots));
    const Block block{central, slots, dx, dy, dz, species, energies ? energy : nullptr,
                      basis, basis_stride};
    kernels_.evaluate[plan_.half_level](plan_, block, memory);
  }

  double *dx = nullptr, *dy = nullptr, *dz = nullptr, *energy = nullptr;
  int *species = nullptr;

 private:
  const PlanView &plan_;
  const Kernels &kernels_;
  Aligned<double> dx_, dy_, dz_, energy_;
  Aligned<int> species_;
  Aligned<char> memory_;
};

}  // namespace sei::mtp
