#include "dispatch.hpp"

#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

namespace sei::mtp {

Kernels kernels_baseline();
#if defined(__x86_64__)
Kernels kernels_avx2();
Kernels kernels_avx512();
#endif

const Kernels &kernels(const char *name) {
  static const Kernels baseline = kernels_baseline();
  if (!name) name = std::getenv("SEICAMPAIGN_ISA");
  const bool any = !name || !*name;
#if defined(__x86_64__)
  __builtin_cpu_init();
  static const Kernels avx2 = kernels_avx2(), avx512 = kernels_avx512();
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") &&
                          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (has_avx512 && (any || !std::strcmp(name, avx512.name))) return avx512;
  if (has_avx2 && (any || !std::strcmp(name, avx2.name))) return avx2;
#endif
  if (any || !std::strcmp(name, baseline.name)) return baseline;
  throw std::invalid_argument("instruction set \"" + std::string(name) +
                              "\" is unknown or not of this processor (avx512, avx2, baseline)");
}

}  // namespace sei::mtp
