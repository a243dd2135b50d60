#include "reader.hpp"

#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <stdexcept>

namespace sei::mtp {

class Parser {
 public:
  Parser(const std::string &text, File &file) : text_(text), file_(file) {}

  void run() {
    if (next_line() != "MTP") fail("the first line must be MTP");
    while (at_ < text_.size()) {
      const std::string line = next_line();
      if (line == "radial_coeffs")
        radial_coeffs();
      else if (!line.empty())
        entry(line);
    }
    check();
  }

 private:
  [[noreturn]] void fail(const std::string &reason) const {
    throw std::invalid_argument("line " + std::to_string(line_) + ": " + reason);
  }

  static std::string trimmed(const std::string &s) {
    const auto first = s.find_first_not_of(" \t\r"), last = s.find_last_not_of(" \t\r");
    return first == std::string::npos ? "" : s.substr(first, last - first + 1);
  }

  std::string next_line() {
    const auto end = std::min(text_.find('\n', at_), text_.size());
    const std::string line = trimmed(text_.substr(at_, end - at_));
    at_ = end + 1;
    line_++;
    return line;
  }

  void entry(const std::string &line) {
    const auto equals = line.find('=');
    if (equals == std::string::npos) fail("expected \"name = value\"");
    const std::string name = trimmed(line.substr(0, equals)),
                      value = trimmed(line.substr(equals + 1));
    if (!seen_.emplace(name, line_).second) fail(name + " is there twice");
    mtp_model &m = file_.model_;
    const std::map<std::string, std::function<void()>> known = {
        {"version", [] {}},
        {"potential_name", [] {}},
        {"potential_tag", [] {}},
        {"radial_basis_type",
         [&] { if (value != "RBChebyshev") fail("only RBChebyshev is supported"); }},
        {"scaling", [&] { m.scaling = real(value); }},
        {"min_dist", [&] { m.min_dist = real(value); }},
        {"max_dist", [&] { m.max_dist = real(value); }},
        {"species_count", [&] { m.species_count = count(value, 1, 118); }},
        {"radial_basis_size", [&] { m.radial_basis_size = count(value, 1, 1000); }},
        {"radial_funcs_count", [&] { m.radial_funcs_count = count(value, 1, 1000); }},
        {"alpha_moments_count", [&] { m.alpha_moments_count = count(value); }},
        {"alpha_index_basic_count", [&] { m.alpha_index_basic_count = count(value); }},
        {"alpha_index_times_count", [&] { m.alpha_index_times_count = count(value, 0); }},
        {"alpha_scalar_moments", [&] { m.alpha_scalar_moments = count(value); }},
        {"alpha_index_basic", [&] { file_.basic_ = integers(value); }},
        {"alpha_index_times", [&] { file_.times_ = integers(value); }},
        {"alpha_moment_mapping", [&] { file_.mapping_ = integers(value); }},
        {"species_coeffs", [&] { file_.species_ = reals(value); }},
        {"moment_coeffs", [&] { file_.moments_ = reals(value); }},
    };
    const auto found = known.find(name);
    if (found == known.end()) fail("unknown entry " + name);
    found->second();
  }

  void radial_coeffs() {
    if (!seen_.emplace("radial_coeffs", line_).second) fail("radial_coeffs is there twice");
    const mtp_model &m = file_.model_;
    for (const char *name : {"species_count", "radial_basis_size", "radial_funcs_count"})
      if (!seen_.count(name)) fail(std::string(name) + " must come before radial_coeffs");
    for (int i = 0; i < m.species_count; i++)
      for (int j = 0; j < m.species_count; j++) {
        const std::string pair = std::to_string(i) + "-" + std::to_string(j);
        if (next_line() != pair) fail("expected the radial coefficients of pair " + pair);
        for (int mu = 0; mu < m.radial_funcs_count; mu++) {
          const std::vector<double> row = reals(next_line());
          if (static_cast<int>(row.size()) != m.radial_basis_size)
            fail("expected " + std::to_string(m.radial_basis_size) + " coefficients");
          file_.radial_.insert(file_.radial_.end(), row.begin(), row.end());
        }
      }
  }

  double real(const std::string &value) const {
    char *end = nullptr;
    const bool plain = value.find_first_not_of("0123456789+-.eE") == std::string::npos;
    const double x = std::strtod(value.c_str(), &end);
    if (value.empty() || !plain || *end || !std::isfinite(x)) fail("\"" + value + "\" is not a finite number");
    return x;
  }

  int integer(const std::string &value) const {
    const bool digits = value.find_first_not_of("0123456789", value[0] == '-') == std::string::npos;
    const double x = real(value);
    if (!digits || std::abs(x) > 1e9) fail("\"" + value + "\" is not an integer");
    return static_cast<int>(x);
  }

  int count(const std::string &value, int least = 1, int most = 10000000) const {
    const int n = integer(value);
    if (n < least || n > most) fail(value + " is out of range");
    return n;
  }

  // The items of {a, b, c} or, where braces nest, of all inner ones one after another.
  std::vector<std::string> items(const std::string &value) const {
    if (value.size() < 2 || value.front() != '{' || value.back() != '}')
      fail("expected a list in braces: the line is cut short or broken");
    std::vector<std::string> out;
    std::string item;
    int depth = 0;
    bool closed = false;  // an inner list has just ended: no item stands before the next comma
    for (const char c : value) {
      if (c == '{') {
        if (closed || !trimmed(item).empty()) fail("expected a comma between inner lists");
        if (++depth > 2) fail("braces do not match");
      } else if (c == '}' || c == ',') {
        if (!closed && value.size() > 2) {
          if (trimmed(item).empty()) fail("a number is missing in the list");
          out.push_back(trimmed(item));
        } else if (!trimmed(item).empty()) {
          fail("expected a comma after an inner list");
        }
        item.clear();
        closed = c == '}';
        if (closed && --depth < 0) fail("braces do not match");
      } else {
        item += c;
      }
    }
    if (depth != 0) fail("braces do not match: the line is cut short");
    return out;
  }

  std::vector<int> integers(const std::string &value) const {
    std::vector<int> out;
    for (const std::string &item : items(value)) out.push_back(integer(item));
    return out;
  }

  std::vector<double> reals(const std::string &value) const {
    std::vector<double> out;
    for (const std::string &item : items(value)) out.push_back(real(item));
    return out;
  }

  void check() {
    for (const char *name : {"radial_coeffs", "species_coeffs", "moment_coeffs"})
      if (!seen_.count(name)) fail(std::string("no ") + name + ": the potential is not trained");
    for (const char *name :
         {"radial_basis_type", "scaling", "species_count", "min_dist", "max_dist",
          "radial_basis_size", "radial_funcs_count", "alpha_moments_count",
          "alpha_index_basic_count", "alpha_index_basic", "alpha_index_times_count",
          "alpha_index_times", "alpha_scalar_moments", "alpha_moment_mapping"})
      if (!seen_.count(name)) fail(std::string(name) + " is missing: the file is not whole");
    mtp_model &m = file_.model_;
    expect("alpha_index_basic", file_.basic_.size(), 4 * m.alpha_index_basic_count);
    expect("alpha_index_times", file_.times_.size(), 4 * m.alpha_index_times_count);
    expect("alpha_moment_mapping", file_.mapping_.size(), m.alpha_scalar_moments);
    expect("species_coeffs", file_.species_.size(), m.species_count);
    expect("moment_coeffs", file_.moments_.size(), m.alpha_scalar_moments);
    if (m.scaling == 0.0) fail("scaling is 0");
    if (m.min_dist < 0.0) fail("min_dist is negative");
    m.alpha_index_basic = file_.basic_.data();
    m.alpha_index_times = file_.times_.data();
    m.alpha_moment_mapping = file_.mapping_.data();
    m.radial_coeffs = file_.radial_.data();
    m.species_coeffs = file_.species_.data();
    m.moment_coeffs = file_.moments_.data();
  }

  void expect(const std::string &name, std::size_t found, int wanted) const {
    if (found != static_cast<std::size_t>(wanted))
      throw std::invalid_argument("line " + std::to_string(seen_.at(name)) + ": " + name +
                                  " has " + std::to_string(found) + " numbers, should have " +
                                  std::to_string(wanted));
  }

  const std::string &text_;
  File &file_;
  std::size_t at_ = 0;
  int line_ = 0;
  std::map<std::string, int> seen_;
};

File::File(const std::string &text) { Parser(text, *this).run(); }

}  // namespace sei::mtp
