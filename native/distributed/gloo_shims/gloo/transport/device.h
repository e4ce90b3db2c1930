// Names of Gloo's types that ProcessGroupGloo.hpp passes on by pointer.
#pragma once

namespace gloo::transport {

class Device;
class UnboundBuffer;

}  // namespace gloo::transport
