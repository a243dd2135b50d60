#include "reader.hpp"

#include <cmath>
#include <cstdlib>
#include <map>
#include <sstream>
#include <stdexcept>

namespace sei::mtp {

class Parser {
 public:
  Parser(const std::string &text, File &file) : file_(file) {
    std::string line;
    std::istringstream in(text);
    while (std::getline(in, line)) lines_.push_back(trimmed(line));
    while (!lines_.empty() && lines_.back().empty()) lines_.pop_back();
  }

  // The entries stand in MLIP-2's order, or in motep's, as Python (format.py) wants them.
  void run() {
    mtp_model &m = file_.model_;
    if (peek() != "MTP") fail("the first line must be MTP");
    at_++;
    take("version", [](const std::string &) {});
    take("potential_name", [](const std::string &) {}, optional);
    take("scaling", [&](const std::string &v) { m.scaling = real(v); });
    take("species_count", [&](const std::string &v) { m.species_count = count(v, 1, 118); });
    take("potential_tag", [](const std::string &) {}, optional);
    radial();
    tables();
    take("species_coeffs", [&](const std::string &v) { file_.species_ = reals(v); }, optional);
    take("moment_coeffs", [&](const std::string &v) { file_.moments_ = reals(v); }, optional);
    if (at_ < lines_.size())
      fail(seen_.count(name()) ? name() + " is there twice" : "unexpected content " + quoted());
    check();
  }

 private:
  enum Need { required, optional };

  [[noreturn]] void fail(const std::string &reason) const {
    throw std::invalid_argument("line " + std::to_string(at_ + 1) + ": " + reason);
  }

  static std::string trimmed(const std::string &s) {
    const char *const blanks = " \t\r\v\f";
    const auto first = s.find_first_not_of(blanks), last = s.find_last_not_of(blanks);
    return first == std::string::npos ? "" : s.substr(first, last - first + 1);
  }

  std::string peek() const { return at_ < lines_.size() ? lines_[at_] : ""; }

  std::string quoted() const { return "\"" + peek().substr(0, 60) + "\""; }

  // What the next line names, in MLIP-2's words.
  std::string name() const {
    const std::string line = peek(), found = trimmed(line.substr(0, line.find('=')));
    if (found == "min") return "min_dist";
    if (found == "max") return "max_dist";
    return found == "size" ? "radial_basis_size" : found;
  }

  // Reads the line `name = value`, which must be next unless it is optional.
  template <class Read>
  void take(const std::string &wanted, Read read, Need need = required) {
    const auto equals = peek().find('=');
    if (name() == wanted && equals != std::string::npos) {
      read(trimmed(peek().substr(equals + 1)));
      seen_[wanted] = static_cast<int>(++at_);
    } else if (need == required) {
      if (at_ >= lines_.size()) fail("the file ends where " + wanted + " should be: it is not whole");
      if (seen_.count(name())) fail(name() + " is there twice, where " + wanted + " should be");
      fail("expected " + wanted + ", found " + quoted());
    }
  }

  void radial() {
    mtp_model &m = file_.model_;
    take("radial_basis_type", [&](const std::string &value) {
      if (value != "RBChebyshev") fail("only RBChebyshev is supported");
    });
    take("min_dist", [&](const std::string &v) { m.min_dist = real(v); });
    take("max_dist", [&](const std::string &v) { m.max_dist = real(v); });
    take("radial_basis_size", [&](const std::string &v) { m.radial_basis_size = count(v, 1, 1000); });
    const auto functions = [&](const std::string &v) { m.radial_funcs_count = count(v, 1, 1000); };
    take("radial_funcs_count", functions, optional);
    const int said = m.radial_funcs_count;
    if (peek() == "radial_coeffs") radial_coeffs();
    if (said) return;
    const int found = m.radial_funcs_count;
    take("radial_funcs_count", functions);
    if (found && found != m.radial_funcs_count)
      fail_at("radial_funcs_count", "is not the " + std::to_string(found) + " there are");
  }

  // The first pair tells how many functions there are, where nothing did.
  void radial_coeffs() {
    mtp_model &m = file_.model_;
    seen_["radial_coeffs"] = static_cast<int>(++at_);
    for (int i = 0; i < m.species_count; i++)
      for (int j = 0; j < m.species_count; j++) {
        const std::string pair = std::to_string(i) + "-" + std::to_string(j);
        if (peek() != pair) fail("expected the radial coefficients of pair " + pair);
        at_++;
        int rows = 0;
        for (; !peek().empty() && peek().front() == '{'; rows++, at_++) {
          const std::vector<double> row = reals(peek());
          if (static_cast<int>(row.size()) != m.radial_basis_size)
            fail("expected " + std::to_string(m.radial_basis_size) + " coefficients");
          file_.radial_.insert(file_.radial_.end(), row.begin(), row.end());
        }
        if (!m.radial_funcs_count) m.radial_funcs_count = rows;
        if (rows == 0 || rows != m.radial_funcs_count)
          fail(std::to_string(rows) + " radial functions for pair " + pair + ", expected " +
               (m.radial_funcs_count ? std::to_string(m.radial_funcs_count) : "some"));
      }
  }

  void tables() {
    mtp_model &m = file_.model_;
    take("alpha_moments_count", [&](const std::string &v) { m.alpha_moments_count = count(v); });
    take("alpha_index_basic_count",
         [&](const std::string &v) { m.alpha_index_basic_count = count(v); });
    take("alpha_index_basic", [&](const std::string &v) { file_.basic_ = integers(v); });
    take("alpha_index_times_count",
         [&](const std::string &v) { m.alpha_index_times_count = count(v, 0); });
    take("alpha_index_times", [&](const std::string &v) { file_.times_ = integers(v); });
    take("alpha_scalar_moments", [&](const std::string &v) { m.alpha_scalar_moments = count(v); });
    take("alpha_moment_mapping", [&](const std::string &v) { file_.mapping_ = integers(v); });
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
    for (const char *coefficients : {"radial_coeffs", "species_coeffs", "moment_coeffs"})
      if (!seen_.count(coefficients))
        fail(std::string("no ") + coefficients + ": the potential is not trained or not whole");
    mtp_model &m = file_.model_;
    expect("alpha_index_basic", file_.basic_.size(), 4 * m.alpha_index_basic_count);
    expect("alpha_index_times", file_.times_.size(), 4 * m.alpha_index_times_count);
    expect("alpha_moment_mapping", file_.mapping_.size(), m.alpha_scalar_moments);
    expect("species_coeffs", file_.species_.size(), m.species_count);
    expect("moment_coeffs", file_.moments_.size(), m.alpha_scalar_moments);
    if (m.scaling == 0.0) fail_at("scaling", "is 0");
    if (m.min_dist < 0.0) fail_at("min_dist", "is negative");
    m.alpha_index_basic = file_.basic_.data();
    m.alpha_index_times = file_.times_.data();
    m.alpha_moment_mapping = file_.mapping_.data();
    m.radial_coeffs = file_.radial_.data();
    m.species_coeffs = file_.species_.data();
    m.moment_coeffs = file_.moments_.data();
  }

  void expect(const std::string &name, std::size_t found, int wanted) const {
    if (found != static_cast<std::size_t>(wanted))
      fail_at(name, "has " + std::to_string(found) + " numbers, should have " +
                        std::to_string(wanted));
  }

  [[noreturn]] void fail_at(const std::string &name, const std::string &reason) const {
    throw std::invalid_argument("line " + std::to_string(seen_.at(name)) + ": " + name + " " +
                                reason);
  }

  File &file_;
  std::vector<std::string> lines_;
  std::size_t at_ = 0;
  std::map<std::string, int> seen_;  // the line of each entry
};

File::File(const std::string &text) { Parser(text, *this).run(); }

}  // namespace sei::mtp
