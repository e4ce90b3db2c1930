#include "models/next_dit/step_buffers.h"

#include <algorithm>

#include "core/error.h"
#include "core/transfer.h"

namespace svg {
namespace {

// Rows of a packing and of its longest sequence: products are made in such tiles, so filling costs them nothing.
constexpr int64_t kFilled = 64;

int64_t filled(int64_t rows) { return (rows + kFilled - 1) / kFilled * kFilled; }

/// The table's tensors, in one order.
std::vector<at::Tensor> parts_of(const ModulationTable& table) {
  std::vector<at::Tensor> parts;
  for (const std::vector<BlockModulation>* blocks : {&table.noise_refiner, &table.layers}) {
    for (const BlockModulation& block : *blocks) {
      parts.insert(parts.end(), {block.attention_in, block.attention_out, block.ffn_in, block.ffn_out});
    }
  }
  parts.push_back(table.final_scale);
  return parts;
}

ModulationTable empty_table(const NextDit& model, int64_t times) {
  const auto block = [&] {
    const auto part = [&] {
      return at::zeros({times, model.config.dim}, at::device(model.device()).dtype(at::kFloat));
    };
    return BlockModulation{part(), part(), part(), part()};
  };
  ModulationTable table;
  for (size_t i = 0; i < model.noise_refiner.size(); ++i) table.noise_refiner.push_back(block());
  for (size_t i = 0; i < model.layers.size(); ++i) table.layers.push_back(block());
  table.final_scale = block().attention_in;
  return table;
}

/// `values` to the begin of a buffer that is as long or longer.
void put_rows(const at::Tensor& buffer, const at::Tensor& values) {
  buffer.narrow(0, 0, values.size(0)).copy_(sent_to(values, buffer.device()), /*non_blocking=*/true);
}

}  // namespace

StepShape::StepShape(const StepInputs& inputs)
    : grids(inputs.grids), image(inputs.image), several_times(!inputs.times.empty()) {
  int64_t packed = 0, longest = 0;
  for (size_t i = 0; i < image.size(); ++i) {
    const int64_t length = inputs.captions[i].size(0) + grids[image[i]].tokens();
    packed += length;
    longest = std::max(longest, length);
  }
  // At least one row is filled: the segment behind the sequences is never empty.
  rows = filled(packed + 1);
  most_rows = filled(longest);
}

StepBuffers::StepBuffers(const NextDit& model, const StepShape& shape)
    : model_(model), shape_(shape), table_(empty_table(model, times())) {
  const auto numbers = at::device(model.device()).dtype(at::kFloat);
  const int64_t channels = model.config.in_channels, patch = model.config.patch_size;
  int64_t elements = 0, image_tokens = 0;
  for (const TokenGrid& grid : shape.grids) elements += grid.tokens() * model.config.patch_dim();
  all_latents_ = at::zeros({elements}, numbers);
  int64_t start = 0;
  for (const TokenGrid& grid : shape.grids) {
    const int64_t count = grid.tokens() * model.config.patch_dim();
    latents_.push_back(all_latents_.narrow(0, start, count).view({channels, grid.rows * patch, grid.columns * patch}));
    start += count;
  }
  for (const size_t place : shape.image) image_tokens += shape.grids[place].tokens();

  const bool grouped = shape.several_times;
  const at::Tensor of_images = grouped ? at::arange(times(), at::kInt) : at::Tensor();
  images_ = model.pack_images(shape.grids, of_images);
  const auto angles = [&](int64_t rows) { return at::zeros({rows, model.config.head_dim() / 2}, numbers); };
  const auto indices = [&](int64_t count, at::ScalarType type) { return at::zeros({count}, numbers.dtype(type)); };
  rows_.rope = {angles(shape.rows), angles(shape.rows)};
  image_rows_.rope = {angles(image_tokens), angles(image_tokens)};
  image_rows_.rows = indices(image_tokens, at::kLong);
  image_sources_ = indices(image_tokens, at::kLong);
  if (grouped) {
    rows_.group = indices(shape.rows, at::kInt);
    image_rows_.group = indices(image_tokens, at::kInt);
  }
  for (Segments* segments : {&rows_.segments, &image_rows_.segments}) {
    if (!model.device().is_cpu()) {
      segments->bounds = indices(static_cast<int64_t>(shape.image.size()) + 2, at::kInt);
    }
    segments->most_rows = shape.most_rows;
  }
  packed_ = at::zeros({shape.rows, model.config.dim}, numbers);
  patches_ = at::zeros({image_tokens, model.config.patch_dim()}, numbers);
}

void StepBuffers::set(const StepInputs& inputs) {
  SVG_CHECK(StepShape(inputs) == shape_, ErrorCode::kInternal, "[step_buffers] inputs of another shape");
  const auto same = [](const at::Tensor& a, const at::Tensor& b) { return a.is_same(b); };
  if (!std::equal(captions_.begin(), captions_.end(), inputs.captions.begin(), inputs.captions.end(), same)) {
    captions_.clear();
    set_captions(inputs.captions);
    captions_ = inputs.captions;
  }
  for (size_t i = 0; i < latents_.size(); ++i) latents_[i].copy_(inputs.latents[i], /*non_blocking=*/true);
  set_table(inputs.table, inputs.times);
}

void StepBuffers::set_table(const ModulationTable& table, const std::vector<int64_t>& times) {
  const std::vector<at::Tensor> from = parts_of(table), to = parts_of(table_);
  std::vector<at::Tensor> sources, places;
  for (int64_t row = 0; row < this->times(); ++row) {
    for (size_t i = 0; i < from.size(); ++i) {
      sources.push_back(from[i].narrow(0, times.empty() ? 0 : times[static_cast<size_t>(row)], 1));
      places.push_back(to[i].narrow(0, row, 1));
    }
  }
  at::_foreach_copy_(places, sources, /*non_blocking=*/true);
}

// Everything that depends on where the captions end.
void StepBuffers::set_captions(const std::vector<at::Tensor>& captions) {
  std::vector<int64_t> tokens;
  std::vector<TokenGrid> grids;
  for (size_t i = 0; i < captions.size(); ++i) {
    tokens.push_back(captions[i].size(0));
    grids.push_back(shape_.grids[shape_.image[i]]);
  }
  const at::Tensor of_sequences =
      shape_.several_times ? at::tensor(std::vector<int64_t>(shape_.image.begin(), shape_.image.end()), at::kLong)
                           : at::Tensor();
  const Packing packed = model_.pack_sequences(tokens, grids, of_sequences);
  const RowSubset images = model_.image_rows(packed, tokens);
  put_rows(rows_.rope.cos, packed.rope.cos);
  put_rows(rows_.rope.sin, packed.rope.sin);
  put_rows(image_rows_.rope.cos, images.rope.cos);
  put_rows(image_rows_.rope.sin, images.rope.sin);
  put_rows(image_rows_.rows, images.rows);
  if (shape_.several_times) {
    put_rows(rows_.group, packed.group);
    put_rows(image_rows_.group, images.group);
  }
  // What fills up is a sequence of its own, which nothing attends to and of which no row is an image's.
  rows_.segments.offsets = packed.segments.offsets;
  rows_.segments.offsets.push_back(shape_.rows);
  image_rows_.segments.offsets = images.segments.offsets;
  image_rows_.segments.offsets.push_back(images.segments.rows());
  for (const Segments* segments : {&rows_.segments, &image_rows_.segments}) {
    if (segments->bounds.defined()) put_rows(segments->bounds, at::tensor(segments->offsets, at::kInt));
  }

  std::vector<at::Tensor> sources;
  packed_.zero_();
  for (size_t i = 0; i < captions.size(); ++i) {
    packed_.narrow(0, packed.segments.offsets[i], tokens[i]).copy_(captions[i], /*non_blocking=*/true);
    const size_t place = shape_.image[i];
    const std::vector<int64_t>& bounds = images_.segments.offsets;
    sources.push_back(at::arange(bounds[place], bounds[place + 1], at::kLong));
  }
  put_rows(image_sources_, at::cat(sources, 0));
}

void StepBuffers::run() {
  const at::Tensor images = model_.embed_images(latents_, images_, table_);
  packed_.index_copy_(0, image_rows_.rows, images.index_select(0, image_sources_));
  patches_.copy_(model_.run_layers(packed_, rows_, image_rows_, table_));
}

}  // namespace svg
