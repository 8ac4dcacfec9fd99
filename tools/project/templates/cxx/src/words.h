#ifndef WORDS_H
#define WORDS_H

#include <map>
#include <string>
#include <vector>

// How often each word occurs.
std::map<std::string, int> count(const std::vector<std::string> &words);

#endif
