// SPDX-License-Identifier: ISC
// C++: what libstdc++ needs of the kernel and the C library.  Each function throws if a claim does
// not hold.  The last line is the result (tests/run).
#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <regex>
#include <shared_mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <typeinfo>
#include <vector>

using namespace std::chrono_literals;

static void claim(bool holds, const char *what)
{
	if (!holds)
		throw std::runtime_error(what);
}

struct Base {
	virtual ~Base() = default;
};

struct Derived : Base {
	int destroyed = 0;
};

static int constructed;
static struct Early {
	Early() { constructed = 7; }
} early;

struct Counted {
	int &n;
	explicit Counted(int &count) : n(count) { n++; }
	~Counted() { n--; }
};

// Recursion with an object in each frame, from which an exception unwinds.
static int deep(int depth, int &alive)
{
	Counted c(alive);
	char frame[512];

	frame[depth % 512] = depth;
	if (depth == 0)
		throw std::out_of_range("deep");
	return deep(depth - 1, alive) + frame[depth % 512];
}

static void exceptions()
{
	int alive = 0;

	claim(constructed == 7, "constructors run before main");
	for (int i = 0; i < 3; i++) {
		try {
			deep(200, alive);
			claim(false, "deep() throws");
		} catch (const std::logic_error &e) {
			claim(std::string(e.what()) == "deep", "what()");
		}
		claim(alive == 0, "all objects are destroyed");
	}
	try {
		std::vector<int>().at(3);
		claim(false, "at() throws");
	} catch (const std::out_of_range &) {
	}
	std::unique_ptr<Base> b(new Derived);
	claim(dynamic_cast<Derived *>(b.get()) != nullptr, "dynamic_cast");
	claim(typeid(*b) == typeid(Derived), "typeid");
	try {
		volatile size_t much = size_t(1) << 46;
		void *volatile all = operator new(much);
		claim(!all, "new of too much throws");
	} catch (const std::bad_alloc &) {
	}
	try {
		try {
			throw std::runtime_error("inner");
		} catch (...) {
			std::throw_with_nested(std::logic_error("outer"));
		}
	} catch (const std::logic_error &e) {
		try {
			std::rethrow_if_nested(e);
			claim(false, "a nested exception");
		} catch (const std::runtime_error &inner) {
			claim(std::string(inner.what()) == "inner", "the inner exception");
		}
	}
}

static thread_local std::string name = "unset";
static std::atomic<int> ended;

struct AtEnd {
	~AtEnd() { ended++; }
};
static thread_local AtEnd at_end;

static void threads()
{
	std::mutex mutex;
	std::condition_variable changed;
	std::vector<std::thread> all;
	std::map<std::string, int> seen;
	std::shared_mutex shared;
	std::exception_ptr thrown;
	int turn = 0;

	for (int i = 0; i < 8; i++) {
		all.emplace_back([&, i] {
			(void)&at_end;
			name = "thread " + std::to_string(i);
			std::unique_lock<std::mutex> lock(mutex);
			changed.wait(lock, [&] { return turn == i; });
			seen[name]++;
			turn++;
			changed.notify_all();
			try {
				int alive = 0;
				lock.unlock();
				deep(20 + i, alive);
			} catch (...) {
				std::unique_lock<std::shared_mutex> w(shared);
				thrown = std::current_exception();
			}
		});
	}
	for (std::thread &t : all)
		t.join();
	claim(seen.size() == 8 && name == "unset", "thread_local and the order of turns");
	claim(ended == 8, "thread_local objects are destroyed at the end of their threads");
	try {
		std::rethrow_exception(thrown);
	} catch (const std::out_of_range &) {
		thrown = nullptr;
	}
	claim(thrown == nullptr, "an exception of another thread");
	claim(std::thread::hardware_concurrency() == 1, "one processor");
	std::unique_lock<std::mutex> lock(mutex);
	claim(changed.wait_for(lock, 20ms) == std::cv_status::timeout, "wait_for");
}

static void futures()
{
	auto sum = std::async(std::launch::async, [] { return 40 + 2; });
	auto fails = std::async(std::launch::async, []() -> int { throw std::domain_error("async"); });
	std::promise<std::string> promise;
	std::thread t([&] { promise.set_value("kept"); });

	claim(promise.get_future().get() == "kept", "promise");
	t.join();
	claim(sum.get() == 42, "async");
	try {
		fails.get();
		claim(false, "get() throws");
	} catch (const std::domain_error &) {
	}
	std::once_flag once;
	int calls = 0;
	for (int i = 0; i < 3; i++) {
		try {
			std::call_once(once, [&] {
				if (calls++ == 0)
					throw 3;
			});
		} catch (int) {
		}
	}
	claim(calls == 2, "call_once, after an exception");
}

static void streams()
{
	std::ostringstream out;
	std::istringstream in("17 0x2a 3.5 word");
	int a, b;
	double d;
	std::string w;

	in >> a >> std::hex >> b >> std::dec >> d >> w;
	claim(a == 17 && b == 42 && d == 3.5 && w == "word", "istringstream");
	out << a << ' ' << std::hex << b << ' ' << d;
	claim(out.str() == "11 2a 3.5" || out.str() == "17 2a 3.5", "ostringstream");
	std::smatch m;
	std::string line = "GET /index.html HTTP/1.1";
	claim(std::regex_match(line, m, std::regex("(\\w+) (/[^ ]*) HTTP/(\\d)\\.(\\d)")), "regex_match");
	claim(m[2] == "/index.html", "regex");
	try {
		std::regex("(");
		claim(false, "regex throws");
	} catch (const std::regex_error &) {
	}
	claim(std::to_string(2.5) == "2.500000" && std::stoi("-12") == -12, "to_string, stoi");
	std::random_device device;
	try {
		std::uniform_int_distribution<int> die(1, 6);
		std::mt19937 generator(device());
		int n = die(generator);
		claim(n >= 1 && n <= 6, "random_device");
	} catch (const std::exception &e) {		// a processor without RDRAND (docs/security.md)
		std::cout << "random_device: " << e.what() << "\n";
	}
}

static void times()
{
	auto start = std::chrono::steady_clock::now();

	std::this_thread::sleep_for(30ms);
	claim(std::chrono::steady_clock::now() - start >= 30ms, "sleep_for");
	claim(std::chrono::system_clock::now().time_since_epoch() > 24h * 365 * 50, "system_clock");
}

static void files()
{
	namespace fs = std::filesystem;
	fs::path top = "/tmp/top", file = top / "a/b/file.txt";

	claim(fs::create_directories(file.parent_path()), "create_directories");
	{
		std::ofstream out(file);
		out << "one\ntwo\n";
		claim(out.good(), "ofstream");
	}
	std::ifstream in(file);
	std::string first, second, none;
	std::getline(in, first);
	std::getline(in, second);
	claim(first == "one" && second == "two" && !std::getline(in, none), "ifstream");
	claim(fs::file_size(file) == 8, "file_size");
	fs::copy_file(file, top / "copy");
	fs::rename(top / "copy", top / "moved");
	int n = 0;
	for (const fs::directory_entry &e : fs::recursive_directory_iterator(top))
		n += e.is_regular_file();
	claim(n == 2, "recursive_directory_iterator");
	fs::resize_file(top / "moved", 3);
	fs::create_symlink("moved", top / "link");
	claim(fs::read_symlink(top / "link") == "moved" && fs::file_size(top / "link") == 3, "symlinks");
	claim(fs::last_write_time(file) < fs::file_time_type::clock::now() + 1h, "last_write_time");
	fs::current_path(top);
	claim(fs::canonical("a/../link") == top / "moved", "canonical");
	fs::current_path("/");
	std::error_code code;
	fs::create_directory("/nowhere/x", code);
	claim(code == std::errc::no_such_file_or_directory, "error_code");
	claim(fs::space("/tmp").capacity > 0, "space");
	claim(fs::remove_all(top) == 6 && !fs::exists(top), "remove_all");
}

// Functions that libstdc++ takes from the C library only if its configure script has found them.
static void numbers()
{
	static const char text[] = "18446744073709551613", tiny[] = "1e-4930";
	volatile long double one = 1;		// not computed by the compiler
	long double x = 0;
	void *p = std::aligned_alloc(64, 128);

	claim(p && (uintptr_t)p % 64 == 0, "aligned_alloc");
	std::free(p);
	claim(std::at_quick_exit([] {}) == 0, "at_quick_exit");
	claim(std::from_chars(text, text + sizeof(text) - 1, x).ec == std::errc() &&
	      x == 18446744073709551613.0L, "from_chars, 64 bits");
	claim(std::from_chars(tiny, tiny + sizeof(tiny) - 1, x).ec == std::errc() && x == 1e-4930L,
	      "from_chars, the range of long double");
	claim(std::abs(std::exp(one) - 2.718281828459045235360287L) < 1e-18L, "exp of long double");
	claim(std::abs(std::acos(-one) - 3.141592653589793238462643L) < 1e-18L, "acos of long double");
	claim(std::abs(std::sqrt(one + 1) - 1.414213562373095048801689L) < 1e-18L, "sqrt of long double");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)();
	} parts[] = { { "exceptions", exceptions }, { "threads", threads }, { "futures", futures },
		      { "streams", streams }, { "times", times }, { "files", files },
		      { "numbers", numbers } };

	if (argc > 1)		// what an exception that nothing catches does
		throw std::runtime_error(argv[1]);
	try {
		for (const auto &part : parts) {
			std::cout << part.name << std::endl;
			part.run();
		}
	} catch (const std::exception &e) {
		std::cout << "Test result: FAILURE " << e.what() << std::endl;
		return EXIT_FAILURE;
	}
	std::cout << "Test result: SUCCESS" << std::endl;
	return EXIT_SUCCESS;
}
