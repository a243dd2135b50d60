// Evaluates a configuration with the kernel alone: `portable FILE.mtp ATOMS` prints the energies and
// forces of the atoms and the virial. ATOMS has their number, the cell, then species, x, y, z of each.
#include <cstdio>
#include <fstream>
#include <sstream>

#include "dispatch.hpp"
#include "reader.hpp"

struct mtp_plan;
extern "C" {
mtp_plan *mtp_plan_create(const mtp_model *, const char *, int, char *, int);
int mtp_evaluate(const mtp_plan *, int, const int *, const double *, const double *, const int *,
                 double *, double *, double *, char *, int);
}

int main(int, char **argv) {
  std::ostringstream text;
  text << std::ifstream(argv[1]).rdbuf();
  const sei::mtp::File file(text.str());
  std::ifstream in(argv[2]);
  int count;
  double cell[9], virial[9];
  const int pbc[3] = {1, 1, 1};
  in >> count;
  for (double &x : cell) in >> x;
  std::vector<int> species(count);
  std::vector<double> positions(3 * count), energies(count), forces(3 * count);
  for (int i = 0; i < count; i++)
    in >> species[i] >> positions[3 * i] >> positions[3 * i + 1] >> positions[3 * i + 2];
  char error[1000] = "";
  const mtp_plan *plan = mtp_plan_create(&file.model(), nullptr, 0, error, sizeof error);
  if (!plan || mtp_evaluate(plan, count, species.data(), positions.data(), cell, pbc, energies.data(),
                            forces.data(), virial, error, sizeof error)) {
    std::fprintf(stderr, "%s\n", error);
    return 1;
  }
  std::fprintf(stderr, "%s\n", sei::mtp::kernels().name);
  for (const std::vector<double> &values : {energies, forces})
    for (double x : values) std::printf("%.17g\n", x);
  for (double x : virial) std::printf("%.17g\n", x);
}
