#include "models/next_dit/next_dit.h"

#include <c10/core/GradMode.h>

#include <bit>
#include <optional>
#include <utility>

#include "core/cancel.h"
#include "core/error.h"
#include "core/transfer.h"
#include "models/time_features.h"

namespace svg {
namespace {

constexpr double kFinalNormEps = 1e-6;

std::vector<NextDitBlock> blocks(const Weights& weights, const std::string& list, int64_t count,
                                 const NextDitConfig& config, bool modulated) {
  std::vector<NextDitBlock> result;
  result.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    result.emplace_back(weights, list + "." + std::to_string(i), config, modulated);
  }
  return result;
}

/// (rows * columns, 3): axis 0 constant, then row and column.
at::Tensor image_positions(int64_t caption_position, const TokenGrid& grid) {
  const at::Tensor rows = at::arange(grid.rows, at::kLong).repeat_interleave(grid.columns);
  const at::Tensor columns = at::arange(grid.columns, at::kLong).repeat({grid.rows});
  return at::stack({at::full_like(rows, caption_position), rows, columns}, 1);
}

at::Tensor caption_positions(int64_t tokens) {
  const at::Tensor index = at::arange(tokens, at::kLong);
  return at::stack({index, at::zeros_like(index), at::zeros_like(index)}, 1);
}

}  // namespace

at::Tensor groups_of_rows(const at::Tensor& groups, const std::vector<int64_t>& offsets, at::Device device) {
  if (!groups.defined()) return {};
  const at::Tensor bounds = at::tensor(offsets, at::kLong);
  return sent_to(groups.to(at::kCPU, at::kInt).repeat_interleave(bounds.diff()), device);
}

ModulationTable ModulationTable::narrow(int64_t start, int64_t length) const {
  ModulationTable part;
  for (const BlockModulation& block : noise_refiner) part.noise_refiner.push_back(block.narrow(start, length));
  for (const BlockModulation& block : layers) part.layers.push_back(block.narrow(start, length));
  part.final_scale = final_scale.narrow(0, start, length);
  return part;
}

NextDit::NextDit(const Weights& weights, const NextDitConfig& config)
    : config(config),
      x_embedder(weights.scope("x_embedder"), config.patch_dim(), config.dim),
      time_in(weights.scope("t_embedder.mlp.0"), kTimeFeatures, config.adaln_dim(), true, Init::normal(0.02)),
      time_out(weights.scope("t_embedder.mlp.2"), config.adaln_dim(), config.adaln_dim(), true, Init::normal(0.02)),
      caption_in(weights.scope("cap_embedder.1"), config.caption_dim, config.dim, true, Init::truncated_normal(0.02)),
      final_linear(weights.scope("final_layer.linear"), config.dim, config.patch_dim(), true, Init::zeros()),
      final_adaln(weights.scope("final_layer.adaLN_modulation.1"), config.adaln_dim(), config.dim, true, Init::zeros()),
      caption_norm(weights.scope("cap_embedder.0"), config.caption_dim, config.norm_eps),
      noise_refiner(blocks(weights, "noise_refiner", config.refiner_layers, config, true)),
      context_refiner(blocks(weights, "context_refiner", config.refiner_layers, config, false)),
      layers(blocks(weights, "layers", config.layers, config, true)),
      norm_final(weights.get_optional("norm_final.weight", {config.dim}, Init::ones(), Role::kExact)) {
  layers.back().part_queries();
}

Stream NextDit::run_block(const NextDitBlock& block, Stream in, const Packing& packing,
                          const BlockModulation& modulation, const std::optional<FollowingBlock>& following,
                          const RowSubset* subset) const {
  // Goes in and comes out beside the tensors that a runner sees: empty with gradients, where a body may run twice.
  const auto opened = std::make_shared<std::optional<LayerInput>>(std::move(in.opened));
  // Copies, which share their tensors: the body may run again in the backward pass.
  const auto body = [block, packing, following, opened,
                     some = subset ? std::optional(*subset) : std::nullopt](const std::vector<at::Tensor>& inputs) {
    const BlockModulation modulation{inputs[1], inputs[2], inputs[3], inputs[4]};
    Stream stream{inputs[0], std::exchange(*opened, std::nullopt)};
    if (some) return block.for_rows(std::move(stream), packing, modulation, *some);
    stream = block(std::move(stream), packing, modulation, following);
    *opened = std::move(stream.opened);
    return stream.rows;
  };
  at::Tensor rows =
      runner->run(block.name, body,
                  {in.rows, modulation.attention_in, modulation.attention_out, modulation.ffn_in, modulation.ffn_out});
  return {std::move(rows), std::exchange(*opened, std::nullopt)};
}

at::Tensor NextDit::run_in_turn(const std::vector<NextDitBlock>& blocks, const at::Tensor& x, const Packing& packing,
                                const std::vector<BlockModulation>& modulation, const RowSubset* subset) const {
  const bool recorded = c10::GradMode::is_enabled();
  Stream stream{x, std::nullopt};
  for (size_t i = 0; i < blocks.size(); ++i) {
    // A training step ends between its micro-batches, where every rank can.
    if (!recorded) check_cancelled();
    const bool last = i + 1 == blocks.size();
    std::optional<FollowingBlock> following;
    if (!recorded && !last) following = blocks[i + 1].as_following(modulation[i + 1]);
    stream = run_block(blocks[i], std::move(stream), packing, modulation[i], following, last ? subset : nullptr);
  }
  return stream.rows;
}

Rope NextDit::rope_of(const std::vector<at::Tensor>& positions) const {
  const Rope rope = rope_of_positions(at::cat(positions, 0), config.axes_dims);
  return {sent_to(rope.cos, device()), sent_to(rope.sin, device())};
}

void NextDit::check_caption(int64_t tokens) const {
  if (tokens <= config.max_caption_tokens()) return;
  throw Error(
      ErrorCode::kInvalidArgument,
      concat("a caption of ", tokens, " tokens, the diffusion transformer takes at most ", config.max_caption_tokens()),
      "Shorten the prompt or cut it to the text limit.");
}

TokenGrid NextDit::grid_of(const at::Tensor& latent) const {
  SVG_CHECK(latent.dim() == 3, ErrorCode::kInvalidArgument, "a latent has shape ", latent.sizes(),
            ", (channels, rows, columns) is wanted");
  SVG_CHECK(latent.size(0) == config.in_channels, ErrorCode::kInvalidArgument, "a latent of ", latent.size(0),
            " channels, the diffusion transformer was made for ", config.in_channels);
  const int64_t rows = latent.size(1);
  const int64_t columns = latent.size(2);
  SVG_CHECK(rows > 0 && columns > 0 && rows % config.patch_size == 0 && columns % config.patch_size == 0,
            ErrorCode::kInvalidArgument, "a latent of ", rows, " x ", columns, " is not made of patches of ",
            config.patch_size, " x ", config.patch_size);
  SVG_CHECK(rows <= config.max_latent_rows() && columns <= config.max_latent_columns(), ErrorCode::kInvalidArgument,
            "a latent of ", rows, " x ", columns, ", the position table ends at ", config.max_latent_rows(), " x ",
            config.max_latent_columns());
  return {rows / config.patch_size, columns / config.patch_size};
}

at::Tensor NextDit::patchify(const at::Tensor& latent) const {
  const TokenGrid grid = grid_of(latent);
  const int64_t p = config.patch_size;
  return latent.reshape({config.in_channels, grid.rows, p, grid.columns, p})
      .permute({1, 3, 2, 4, 0})
      .reshape({grid.tokens(), config.patch_dim()});
}

at::Tensor NextDit::unpatchify(const at::Tensor& patches, const TokenGrid& grid) const {
  const int64_t p = config.patch_size;
  return patches.reshape({grid.rows, grid.columns, p, p, config.in_channels})
      .permute({4, 0, 2, 1, 3})
      .reshape({config.in_channels, grid.rows * p, grid.columns * p});
}

at::Tensor NextDit::encode_captions(const std::vector<at::Tensor>& features) const {
  std::vector<int64_t> offsets = {0};
  std::vector<at::Tensor> positions;
  for (const at::Tensor& caption : features) {
    SVG_CHECK(caption.dim() == 2 && caption.size(1) == config.caption_dim, ErrorCode::kInvalidArgument,
              "caption features have shape ", caption.sizes(), ", (tokens, ", config.caption_dim, ") is wanted");
    check_caption(caption.size(0));
    positions.push_back(caption_positions(caption.size(0)));
    offsets.push_back(offsets.back() + caption.size(0));
  }
  const at::Tensor packed = features.size() == 1 ? features[0] : at::cat(features, 0);
  const at::Tensor x = caption_in(caption_norm(packed.to(device(), at::kFloat)).to(dtype())).to(at::kFloat);
  if (x.size(0) == 0) return x;
  const Packing packing{{std::move(offsets), device()}, rope_of(positions), {}};
  std::vector<BlockModulation> plain;
  for (const NextDitBlock& block : context_refiner) plain.push_back(block.modulation({}));
  return run_in_turn(context_refiner, x, packing, plain);
}

at::Tensor NextDit::first_input(const at::Tensor& x, const at::Tensor& group, const ModulationTable& modulation) const {
  const NextDitBlock& first = layers.front();
  return scaled_rms_norm(x, {modulation.layers.front().attention_in, group}, first.attention_norm1.eps, at::kFloat);
}

ModulationTable NextDit::modulation_table(const at::Tensor& t) const {
  const at::Tensor features = time_features(sent_to(t, device())).to(dtype());
  const at::Tensor silu_t = at::silu(time_out(at::silu(time_in(features))));
  ModulationTable table;
  for (const NextDitBlock& block : noise_refiner) table.noise_refiner.push_back(block.modulation(silu_t));
  for (const NextDitBlock& block : layers) table.layers.push_back(block.modulation(silu_t));
  table.final_scale = 1 + final_adaln(silu_t).to(at::kFloat);
  return table;
}

Packing NextDit::pack_images(const std::vector<TokenGrid>& grids, const at::Tensor& groups) const {
  std::vector<int64_t> offsets = {0};
  std::vector<at::Tensor> positions;
  for (const TokenGrid& grid : grids) {
    positions.push_back(image_positions(0, grid));
    offsets.push_back(offsets.back() + grid.tokens());
  }
  const at::Tensor group = groups_of_rows(groups, offsets, device());
  return {{std::move(offsets), device()}, rope_of(positions), group};
}

at::Tensor NextDit::embed_images(const std::vector<at::Tensor>& latents, const Packing& images,
                                 const ModulationTable& modulation) const {
  std::vector<at::Tensor> patches;
  patches.reserve(latents.size());
  for (const at::Tensor& latent : latents) patches.push_back(patchify(latent));
  const at::Tensor x = x_embedder(at::cat(patches, 0).to(device(), dtype())).to(at::kFloat);
  return run_in_turn(noise_refiner, x, images, modulation.noise_refiner);
}

Packing NextDit::pack_sequences(const std::vector<int64_t>& caption_tokens, const std::vector<TokenGrid>& grids,
                                const at::Tensor& groups) const {
  std::vector<int64_t> offsets = {0};
  std::vector<at::Tensor> positions;
  for (size_t i = 0; i < grids.size(); ++i) {
    check_caption(caption_tokens[i]);
    positions.push_back(caption_positions(caption_tokens[i]));
    positions.push_back(image_positions(caption_tokens[i], grids[i]));
    offsets.push_back(offsets.back() + caption_tokens[i] + grids[i].tokens());
  }
  const at::Tensor group = groups_of_rows(groups, offsets, device());
  return {{std::move(offsets), device()}, rope_of(positions), group};
}

RowSubset NextDit::image_rows(const Packing& sequences, const std::vector<int64_t>& caption_tokens) const {
  RowSubset subset;
  std::vector<int64_t> offsets = {0};
  std::vector<at::Tensor> rows;
  for (size_t i = 0; i < caption_tokens.size(); ++i) {
    const int64_t begin = sequences.segments.offsets[i] + caption_tokens[i];
    const int64_t end = sequences.segments.offsets[i + 1];
    rows.push_back(at::arange(begin, end, at::kLong));
    offsets.push_back(offsets.back() + end - begin);
  }
  subset.segments = Segments(std::move(offsets), device());
  subset.rows = sent_to(at::cat(rows, 0), device());
  subset.rope = select_rope(sequences.rope, subset.rows);
  if (sequences.group.defined()) subset.group = sequences.group.index_select(0, subset.rows);
  return subset;
}

at::Tensor NextDit::run_layers(const at::Tensor& x, const Packing& sequences, const RowSubset& images,
                               const ModulationTable& modulation) const {
  return final_patches(run_blocks(x, sequences, images, modulation), images.group, modulation);
}

at::Tensor NextDit::run_blocks(const at::Tensor& x, const Packing& sequences, const RowSubset& images,
                               const ModulationTable& modulation) const {
  return run_in_turn(layers, x, sequences, modulation.layers, &images);
}

at::Tensor NextDit::final_patches(const at::Tensor& rows, const at::Tensor& group,
                                  const ModulationTable& modulation) const {
  const at::Tensor scale = group.defined() ? modulation.final_scale.index_select(0, group) : modulation.final_scale;
  const at::Tensor normed = at::layer_norm(rows, {config.dim}, {}, {}, kFinalNormEps) * scale;
  return final_linear(normed.to(dtype())).to(at::kFloat);
}

std::vector<at::Tensor> NextDit::forward(const std::vector<at::Tensor>& latents, const at::Tensor& t,
                                         const std::vector<at::Tensor>& captions) const {
  if (!c10::GradMode::is_enabled() || !device().is_cpu() || captions.empty()) return velocities(latents, t, captions);
  // oneDNN compiles a product anew for every number of rows, and keeps about a thousand: captions of all lengths would
  // have it compile in most steps. One sample more, which nothing reads, fills the captions up to whole blocks.
  int64_t tokens = 0;
  for (const at::Tensor& caption : captions) tokens += caption.size(0);
  const auto share = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(tokens / 32 + 1)));
  const int64_t block = std::min({share, int64_t{256}, config.max_caption_tokens()});
  std::vector<at::Tensor> filled_latents = latents, filled_captions = captions;
  filled_captions.push_back(at::zeros({(block - tokens % block) % block, config.caption_dim}, captions[0].options()));
  filled_latents.push_back(at::zeros({config.in_channels, config.patch_size, config.patch_size}, latents[0].options()));
  const at::Tensor times = t.flatten();
  std::vector<at::Tensor> result = velocities(filled_latents, at::cat({times, times.narrow(0, 0, 1)}), filled_captions);
  result.pop_back();
  return result;
}

std::vector<at::Tensor> NextDit::velocities(const std::vector<at::Tensor>& latents, const at::Tensor& t,
                                            const std::vector<at::Tensor>& captions) const {
  SVG_CHECK(!latents.empty() && latents.size() == captions.size() && t.numel() == static_cast<int64_t>(latents.size()),
            ErrorCode::kInvalidArgument, latents.size(), " latents, ", captions.size(), " captions, ", t.numel(),
            " times");
  std::vector<TokenGrid> grids;
  std::vector<int64_t> caption_tokens;
  for (size_t i = 0; i < latents.size(); ++i) {
    grids.push_back(grid_of(latents[i]));
    check_caption(captions[i].size(0));
    caption_tokens.push_back(captions[i].size(0));
  }
  const ModulationTable modulation = modulation_table(t.flatten());
  const at::Tensor groups = latents.size() > 1 ? at::arange(t.numel(), at::kInt) : at::Tensor();
  const at::Tensor images = embed_images(latents, pack_images(grids, groups), modulation);

  const at::Tensor texts = encode_captions(captions);

  std::vector<int64_t> image_tokens;
  for (const TokenGrid& grid : grids) image_tokens.push_back(grid.tokens());
  const auto text_parts = texts.split_with_sizes(caption_tokens);
  const auto image_parts = images.split_with_sizes(image_tokens);
  std::vector<at::Tensor> parts;
  for (size_t i = 0; i < latents.size(); ++i) {
    parts.push_back(text_parts[i]);
    parts.push_back(image_parts[i]);
  }
  const Packing sequences = pack_sequences(caption_tokens, grids, groups);
  const RowSubset subset = image_rows(sequences, caption_tokens);
  const auto patches = run_layers(at::cat(parts, 0), sequences, subset, modulation).split_with_sizes(image_tokens);
  std::vector<at::Tensor> velocities;
  for (size_t i = 0; i < latents.size(); ++i) {
    velocities.push_back(unpatchify(patches[i], grids[i]));
  }
  return velocities;
}

}  // namespace svg
