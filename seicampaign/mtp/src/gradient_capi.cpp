// The C functions of training: threads over groups of configurations, one instruction set each.
#include "gradient.hpp"

#include <atomic>
#include <exception>
#include <thread>

namespace sei::mtp::training {
namespace {

// Groups do not depend on the number of threads and are summed in order: nor does the result.
constexpr int max_groups = 64;

#if defined(__x86_64__)
__attribute__((target("avx512f,avx512vl,avx512dq,fma"))) void work_avx512(
    Kernel &k, int begin, int end, const mtp_predictions &out, double *gradient) {
  k.work(begin, end, out, gradient);
}
__attribute__((target("avx2,fma"))) void work_avx2(Kernel &k, int begin, int end,
                                                   const mtp_predictions &out, double *gradient) {
  k.work(begin, end, out, gradient);
}
#endif
void work_baseline(Kernel &k, int begin, int end, const mtp_predictions &out, double *gradient) {
  k.work(begin, end, out, gradient);
}

auto choose() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq"))
    return work_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return work_avx2;
#endif
  return work_baseline;
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
  const auto work = choose();
  auto worker = [&] {
    try {
      Kernel kernel(model, data);
      for (int g = next++; g < groups && !failed; g = next++) {
        const auto edge = [&](long h) { return static_cast<int>(h * data.count / groups); };
        work(kernel, edge(g), edge(g + 1), out, gradient ? parts.data() + g * size : nullptr);
      }
    } catch (...) {
      if (!failed.exchange(true)) failure = std::current_exception();
    }
  };
  std::vector<std::thread> pool;
  for (int t = 1; t < std::min(threads, groups); t++) pool.emplace_back(worker);
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
// in this order, unless `gradient` is null. Returns 0, or 1 where memory or threads run out.
extern "C" int mtp_loss(const mtp_model *model, const mtp_configurations *data, int threads,
                        const mtp_predictions *out, double *gradient) {
  try {
    sei::mtp::training::run(*model, *data, threads, *out, gradient);
    return 0;
  } catch (...) {
    return 1;
  }
}
