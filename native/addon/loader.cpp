// Opens libraries by absolute path, so that the main addon needs neither a run path nor LD_LIBRARY_PATH: what it
// asks for by SONAME is open already. A library of its own, since the main addon cannot load before this has run.
#include <dlfcn.h>
#include <napi.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace {

// Opens all of them, in order; what dlerror says of the one that does not open, or nothing. Handles are never closed:
// libtorch does not survive dlclose. RTLD_LOCAL keeps libtorch's symbols (protobuf, OpenMP) from other addons of the
// process; RTLD_NOW finds a missing dependency here rather than in the middle of a job.
std::string open_all(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) == nullptr) return dlerror();
  }
  return "";
}

// On JavaScript's thread, where nobody else reads the environment.
std::vector<std::string> prepare(const Napi::CallbackInfo& info) {
  // libgomp reads it once. Waiting threads sleep after some 10 us: by default they spin, and on a machine that is busy
  // with something else small operations then take a hundred times as long.
  setenv("GOMP_SPINCOUNT", "10000", /*overwrite=*/0);
  const auto array = info[0].As<Napi::Array>();
  std::vector<std::string> paths;
  for (uint32_t i = 0; i < array.Length(); ++i) paths.push_back(array.Get(i).ToString());
  return paths;
}

// open(paths): half a second and more the first time in a process.
void open(const Napi::CallbackInfo& info) {
  const std::string error = open_all(prepare(info));
  if (!error.empty()) throw Napi::Error::New(info.Env(), error);
}

class OpenWorker : public Napi::AsyncWorker {
 public:
  OpenWorker(Napi::Env env, std::vector<std::string> paths)
      : Napi::AsyncWorker(env, "svg-t2i open"), paths_(std::move(paths)), deferred_(env) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    const std::string error = open_all(paths_);
    if (!error.empty()) SetError(error);
  }
  void OnOK() override { deferred_.Resolve(Env().Undefined()); }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  std::vector<std::string> paths_;
  Napi::Promise::Deferred deferred_;
};

// openAsync(paths): the same on a thread of libuv's pool, as a promise.
Napi::Value open_async(const Napi::CallbackInfo& info) {
  auto* worker = new OpenWorker(info.Env(), prepare(info));  // deletes itself
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  return promise;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("open", Napi::Function::New(env, open));
  exports.Set("openAsync", Napi::Function::New(env, open_async));
  return exports;
}

NODE_API_MODULE(svg_t2i_loader, init)

}  // namespace
