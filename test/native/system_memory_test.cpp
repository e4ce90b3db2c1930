// What is left of memory: of a control group as the kernel writes it, and of this process.
#include "core/system_memory.h"

#include "check.h"
#include "temp_folder.h"

using namespace svg;

TEST_CASE("system memory: a group leaves its limit less what is used, and files can be dropped") {
  const test::TempFolder folder;
  folder.write("memory.max", "1000000\n");
  folder.write("memory.current", "700000\n");
  folder.write("memory.stat", "anon 300000\ninactive_file 250000\nactive_file 50000\n");
  EXPECT(left_in_group(folder.path(), 2) == 600000);
  folder.write("memory.max", "max\n");
  EXPECT(left_in_group(folder.path(), 2) == 0);
}

TEST_CASE("system memory: the first version of groups says no limit by a large number") {
  const test::TempFolder folder;
  folder.write("memory.limit_in_bytes", "9223372036854771712\n");
  folder.write("memory.usage_in_bytes", "5\n");
  EXPECT(left_in_group(folder.path(), 1) == 0);
  folder.write("memory.limit_in_bytes", "100\n");
  EXPECT(left_in_group(folder.path(), 1) == 95);
}

TEST_CASE("system memory: this process has some left") { EXPECT(available_memory() > (int64_t{1} << 20)); }
