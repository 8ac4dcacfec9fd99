// A test is a program: it passes if its exit status is 0.
#undef NDEBUG
#include "../src/words.h"

#include <cassert>
#include <stdexcept>

int main()
{
	assert(count({ "a", "b", "a" }) == (std::map<std::string, int>{ { "a", 2 }, { "b", 1 } }));
	try {
		count({ "" });
		assert(!"an empty word is accepted");
	} catch (const std::invalid_argument &) {
	}
	return 0;
}
