// The C functions of training: threads over groups of configurations, one instruction set for all.
#include <atomic>
#include <exception>
#include <thread>

#include "design.hpp"

#define SEI_EXPORT extern "C" __attribute__((visibility("default")))

namespace sei::mtp::training {
namespace {

// Groups do not depend on the number of threads and are summed in order: nor does the result.
constexpr int max_groups = 64;

struct InstructionSet {
  void (*work)(Kernel &, int, int, const mtp_predictions &, double *);
  void (*design)(Design &, int, const DesignRows &);
};

#define SEI_INSTRUCTION_SET(NAME, TARGET)                                                    \
  TARGET void work_##NAME(Kernel &k, int begin, int end, const mtp_predictions &out,         \
                          double *gradient) {                                                \
    k.work(begin, end, out, gradient);                                                       \
  }                                                                                          \
  TARGET void design_##NAME(Design &k, int configuration, const DesignRows &out) {           \
    k.work(configuration, out);                                                              \
  }                                                                                          \
  constexpr InstructionSet NAME{work_##NAME, design_##NAME};

SEI_INSTRUCTION_SET(baseline, )
#if defined(__x86_64__)
SEI_INSTRUCTION_SET(avx2, __attribute__((target("avx2,fma"))))
SEI_INSTRUCTION_SET(avx512, __attribute__((target("avx512f,avx512vl,avx512dq,fma"))))
#endif

InstructionSet best() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq"))
    return avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2;
#endif
  return baseline;
}

void run(const mtp_model &model, const mtp_configurations &data, int threads,
         const mtp_predictions &out, double *gradient) {
  const int groups = std::min(max_groups, data.count);
  const std::size_t size = static_cast<std::size_t>(model.species_count) * model.species_count *
                               model.radial_funcs_count * model.radial_basis_size +
                           model.species_count + model.alpha_scalar_moments;
  std::vector<double> parts(gradient ? groups * size : 0);
  std::atomic<int> next{0};
  std::exception_ptr failure;
  std::atomic<bool> failed{false};
  const InstructionSet set = best();
  auto worker = [&] {
    try {
      Kernel kernel(model, data);
      for (int g = next++; g < groups && !failed; g = next++) {
        const auto edge = [&](long h) { return static_cast<int>(h * data.count / groups); };
        set.work(kernel, edge(g), edge(g + 1), out, gradient ? parts.data() + g * size : nullptr);
      }
    } catch (...) {
      if (!failed.exchange(true)) failure = std::current_exception();
    }
  };
  std::vector<std::thread> pool;
  try {
    for (int t = 1; t < std::min(threads, groups); t++) pool.emplace_back(worker);
  } catch (...) {  // fewer threads than asked for do the same work
  }
  worker();
  for (auto &thread : pool) thread.join();
  if (failed) std::rethrow_exception(failure);
  if (!gradient) return;
  std::fill(gradient, gradient + size, 0.0);
  for (int g = 0; g < groups; g++)
    for (std::size_t p = 0; p < size; p++) gradient[p] += parts[g * size + p];
}

}  // namespace
}  // namespace sei::mtp::training

// Predictions and losses of a data set; its gradient by radial, species and moment coefficients,
// in this order, unless `gradient` is null. Returns 0, or 1 where memory runs out.
SEI_EXPORT int mtp_loss(const mtp_model *model, const mtp_configurations *data, int threads,
                        const mtp_predictions *out, double *gradient) {
  try {
    sei::mtp::training::run(*model, *data, threads, *out, gradient);
    return 0;
  } catch (...) {
    return 1;
  }
}

// Derivatives of the labels of one configuration by the moment coefficients: rows of as many
// numbers as there are scalars, rounded up to a multiple of eight. Returns as mtp_loss does.
SEI_EXPORT int mtp_design(const mtp_model *model, const mtp_configurations *data,
                          int configuration, double *energy, double *forces, double *virial) {
  try {
    sei::mtp::training::Design kernel(*model, *data);
    sei::mtp::training::best().design(kernel, configuration, {energy, forces, virial});
    return 0;
  } catch (...) {
    return 1;
  }
}
