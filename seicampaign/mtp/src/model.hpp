// The potential as it crosses the C ABI: the tables of a .mtp file, owned by the caller.
#pragma once

extern "C" {
typedef struct {
  int species_count, radial_basis_size, radial_funcs_count;
  int alpha_moments_count, alpha_index_basic_count, alpha_index_times_count, alpha_scalar_moments;
  double scaling, min_dist, max_dist;
  const int *alpha_index_basic;     // [n][4]: mu, x, y, z
  const int *alpha_index_times;     // [m][4]: left, right, multiplicity, target
  const int *alpha_moment_mapping;  // [alpha_scalar_moments]
  const double *radial_coeffs;      // [species][species][radial_funcs][radial_basis]
  const double *species_coeffs;     // [species]
  const double *moment_coeffs;      // [alpha_scalar_moments]
} mtp_model;
}
