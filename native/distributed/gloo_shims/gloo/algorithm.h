// Stands for Gloo's header, which libtorch does not ship and ProcessGroupGloo.hpp includes without using it.
#pragma once
