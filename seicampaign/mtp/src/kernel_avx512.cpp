#if defined(__x86_64__)
#include "kernel.hpp"

namespace sei::mtp {

Kernels kernels_avx512() {
  Kernels kernels{"avx512", width, {}, {}};
  fill_kernels(kernels, AllLevels{});
  return kernels;
}

}  // namespace sei::mtp
#endif
