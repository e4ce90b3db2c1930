#include "diffusion/solver_run.h"

#include "core/error.h"

namespace svg {

void SolverRun::begin() { go_on(); }

const VelocityQuery* SolverRun::pending() const { return handle_.done() ? nullptr : &handle_.promise().query; }

void SolverRun::resume(at::Tensor velocity) {
  handle_.promise().velocity = std::move(velocity);
  go_on();
}

const at::Tensor& SolverRun::result() const { return handle_.promise().result; }

void SolverRun::go_on() {
  SVG_CHECK(!handle_.done(), ErrorCode::kInternal, "[solver] it has come to its end");
  handle_.resume();
  if (handle_.promise().failure) std::rethrow_exception(std::exchange(handle_.promise().failure, nullptr));
}

void VelocityAt::await_suspend(std::coroutine_handle<SolverRun::promise_type> run) noexcept {
  run_ = &run.promise();
  run_->query = std::move(query_);
}

at::Tensor VelocityAt::await_resume() {
  at::Tensor velocity = std::exchange(run_->velocity, at::Tensor()).to(at::kFloat);
  const at::IntArrayRef wanted = run_->query.x.sizes();
  SVG_CHECK(velocity.sizes() == wanted, ErrorCode::kInternal, "[solver] velocity ", velocity.sizes(), " for a state ",
            wanted);
  return velocity;
}

}  // namespace svg
