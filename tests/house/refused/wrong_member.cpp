// SPDX-License-Identifier: MIT
//
// Must not compile: llms::described names something that is no member of the type
#include <llms/schema/reflect.hpp>

struct trip {
    int seats = 0;
};

template <>
inline constexpr auto llms::described<trip> =
    llms::description{"A trip.", llms::member{.of = "chairs", .minimum = 1}};

int main() {
    static_cast<void>(llms::schema_of<trip>());
}
