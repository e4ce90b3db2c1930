// Module init: info() and the Engine class.
#include <napi.h>

#include "addon/engine_wrap.h"
#include "addon/js_error.h"
#include "engine/device.h"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("Engine", svg::addon::EngineWrap::define(env));
  exports.Set("info", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                return svg::addon::guarded(info.Env(),
                                           [&] { return Napi::String::New(info.Env(), svg::runtime_info().dump()); });
              }));
  return exports;
}

NODE_API_MODULE(svg_t2i, init)

}  // namespace
