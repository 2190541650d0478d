#include "check.hpp"

int main()
{
    for (const test *one = test::first; one != nullptr; one = one->next) {
        std::printf("%s\n", one->name);
        std::fflush(stdout); // so that forked children do not repeat it
        one->run();
    }
    return 0;
}
