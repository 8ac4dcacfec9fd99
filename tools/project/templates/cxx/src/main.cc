#include "words.h"

#include <exception>
#include <iostream>

int main(int argc, char **argv)
{
	try {
		for (const auto &[word, n] : count({ argv + 1, argv + argc }))
			std::cout << n << " " << word << std::endl;
	} catch (const std::exception &e) {
		std::cerr << e.what() << std::endl;
		return 1;
	}
	return 0;
}
