// The vector type of one instruction set. Included by kernel.hpp inside no namespace of its own:
// everything here is compiled once per instruction set and must have internal linkage.
#pragma once

#if defined(__AVX512F__) || defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr int width = 8;
#elif defined(__AVX2__)
constexpr int width = 4;
#else
constexpr int width = 2;
#endif

typedef double V __attribute__((vector_size(8 * width)));
typedef long long L __attribute__((vector_size(8 * width)));
typedef int I __attribute__((vector_size(4 * width), aligned(4)));

#define SEI_INLINE inline __attribute__((always_inline))

SEI_INLINE V broadcast(double value) { return V{} + value; }

SEI_INLINE V square_root(V v) {
#if defined(__AVX512F__)
  return _mm512_sqrt_pd(v);
#elif defined(__AVX2__)
  return _mm256_sqrt_pd(v);
#elif defined(__SSE2__)
  return _mm_sqrt_pd(v);
#elif defined(__aarch64__)
  return (V)vsqrtq_f64((float64x2_t)v);
#else
  V result;
  for (int lane = 0; lane < width; lane++) result[lane] = __builtin_sqrt(v[lane]);
  return result;
#endif
}

// The positive part.
SEI_INLINE V clamp_below(V v) { return v > V{} ? v : V{}; }

// table[index[lane]] in each lane. The table has a multiple of 8 entries.
SEI_INLINE V look_up(const double *table, L index, bool small) {
#if defined(__AVX512F__)
  if (small) return _mm512_permutexvar_pd((__m512i)index, _mm512_load_pd(table));
#elif defined(__AVX2__)
  if (small) return _mm256_i64gather_pd(table, (__m256i)index, 8);
#endif
  (void)small;
  V result;
  for (int lane = 0; lane < width; lane++) result[lane] = table[index[lane]];
  return result;
}

template <int Bytes>
struct Integers {
  typedef int type __attribute__((vector_size(Bytes)));
};

// Of floats: without the sign bit.
template <class T>
SEI_INLINE T magnitude(T x) {
  typedef typename Integers<sizeof(T)>::type Bits;
  return (T)((Bits)x & 0x7fffffff);
}

// The larger of floats; y where x is no number.
template <class T>
SEI_INLINE T larger(T x, T y) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 64) return (T)_mm512_max_ps((__m512)x, (__m512)y);
#endif
#if defined(__AVX2__)
  if constexpr (sizeof(T) == 32) return (T)_mm256_max_ps((__m256)x, (__m256)y);
#endif
#if defined(__SSE2__)
  if constexpr (sizeof(T) == 16) return (T)_mm_max_ps((__m128)x, (__m128)y);
#endif
  return x > y ? x : y;
}

// One bit for each lane of a comparison of floats.
template <class Mask>
SEI_INLINE unsigned lanes_of(Mask mask) {
#if defined(__AVX512F__)
  if constexpr (sizeof(Mask) == 64) return _mm512_movepi32_mask((__m512i)mask);
#endif
#if defined(__AVX2__)
  if constexpr (sizeof(Mask) == 32) return (unsigned)_mm256_movemask_ps((__m256)mask);
#endif
#if defined(__SSE2__)
  if constexpr (sizeof(Mask) == 16) return (unsigned)_mm_movemask_ps((__m128)mask);
#endif
  unsigned bits = 0;
  for (unsigned lane = 0; lane < sizeof(Mask) / 4; lane++) bits |= (mask[lane] ? 1u : 0u) << lane;
  return bits;
}

}  // namespace
