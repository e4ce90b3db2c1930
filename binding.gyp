{
  "targets": [
    {
      "target_name": "svg-t2i",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake",
          "inputs": ["CMakeLists.txt"],
          "outputs": ["build-cmake/CMakeCache.txt"],
          "action": ["node", "scripts/build.mjs"]
        }
      ]
    }
  ]
}
