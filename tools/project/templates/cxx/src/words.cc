#include "words.h"

#include <stdexcept>

std::map<std::string, int> count(const std::vector<std::string> &words)
{
	std::map<std::string, int> found;

	for (const std::string &word : words) {
		if (word.empty())
			throw std::invalid_argument("an empty word");
		found[word]++;
	}
	return found;
}
